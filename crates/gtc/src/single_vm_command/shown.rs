//! What is told of plans and their steps: a text to people, JSON to programs.

use std::io::Write as _;

use machine::{PlanDocument, Progress};
use serde_json::{Value, json};
use single_vm::step_text;

use crate::progress;

/// A plan as the result of a command.
pub(super) fn plan(document: &PlanDocument) -> Value {
    let plan = &document.plan;
    json!({
        "name": plan.name,
        "aim": plan.aim,
        "changed": !document.is_empty(),
        "steps": plan.steps,
        "kept": plan.kept,
    })
}

/// Where progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// On a terminal, and nowhere else.
    OnATerminal,
    /// Line by line, wherever standard error goes.
    InLines,
}

impl Show {
    pub(super) const fn when(in_lines: bool) -> Self {
        if in_lines { Self::InLines } else { Self::OnATerminal }
    }

    /// Says something on a line of its own.
    pub(super) fn line(self, text: &str) {
        match self {
            Self::OnATerminal => progress::note(text),
            // A reader that went away has seen enough.
            Self::InLines => _ = writeln!(anstream::stderr(), "{text}"),
        }
    }
}

/// Shows each step while it is taken.
pub(super) fn steps(show: Show) -> impl FnMut(Progress<'_>) {
    let mut begun: Option<progress::Step> = None;
    move |at| match at {
        Progress::Begun { number, of, step } => {
            let text = format!("{number}/{of} {}", step_text(step));
            match show {
                Show::OnATerminal => begun = Some(progress::step(&text)),
                Show::InLines => show.line(&text),
            }
        }
        Progress::Done => {
            if let Some(step) = begun.take() {
                step.done();
            }
        }
        Progress::GoingBack { why } => {
            if let Some(step) = begun.take() {
                step.failed();
            }
            show.line(&format!("{}; what ran before is brought back", why.message));
        }
    }
}
