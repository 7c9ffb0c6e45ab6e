//! What is told of plans and their steps: a text to people, JSON to programs.

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

/// Shows each step while it is taken.
pub(super) fn steps() -> impl FnMut(Progress<'_>) {
    let mut begun: Option<progress::Step> = None;
    move |at| match at {
        Progress::Begun { number, of, step } => {
            begun = Some(progress::step(&format!("{number}/{of} {}", step_text(step))));
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
            progress::note(&format!("{}; what ran before is brought back", why.message));
        }
    }
}
