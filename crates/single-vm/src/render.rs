//! A plan as people read it. Programs read the plan's JSON.

use similar::TextDiff;

use crate::differ::Drift;
use crate::fields::{Change, text};
use crate::id::Id;
use crate::plan::{Action, Aim, Plan, Step};
use crate::resource::{Actual, Resource};

/// A plan as a text of many lines: `+` is made, `~` changed, `-` removed, `>` done.
#[must_use]
pub fn plan_text(plan: &Plan) -> String {
    let mut lines: Vec<String> = plan.steps.iter().flat_map(step_lines).collect();
    lines
        .extend(plan.kept.iter().map(|kept| format!("= {}  stays: {}", named(&kept.id), kept.why)));
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(summary(plan));
    lines.join("\n") + "\n"
}

/// What drifted, as a text of many lines; empty when nothing did.
#[must_use]
pub fn drift_text(drifts: &[Drift]) -> String {
    let line = |drift: &Drift| {
        let what = named(&drift.id);
        match drift.missing {
            true => vec![format!("- {what}  is missing")],
            false => {
                let fields = drift.fields.iter().map(change_line);
                std::iter::once(format!("~ {what}")).chain(fields).collect()
            }
        }
    };
    drifts.iter().flat_map(line).map(|line| line + "\n").collect()
}

fn named(id: &Id) -> String {
    format!("{} {}", id.kind(), id.name())
}

/// The first line of a step, as it stands in [`plan_text`].
#[must_use]
pub fn step_text(step: &Step) -> String {
    let (sign, head) = head(step);
    format!("{sign} {head}")
}

fn step_lines(step: &Step) -> Vec<String> {
    let shows_fields = !matches!(step.action, Action::Remove(_));
    let fields = step.changes.iter().filter(|_| shows_fields).map(change_line);
    std::iter::once(step_text(step)).chain(fields).chain(text_lines(step)).collect()
}

fn head(step: &Step) -> (char, String) {
    let what = named(&step.id);
    match &step.action {
        Action::Create(resource) => ('+', format!("{what}{}", about(resource))),
        Action::Change(_) => ('~', what),
        Action::Restore(_) => ('~', format!("{what}  back to what it was")),
        Action::Remove(resource) => ('-', format!("{what}{}", about(resource))),
        Action::Reload => ('>', "systemd reads its units again".into()),
        Action::Enable => ('>', format!("enable {what}")),
        Action::Disable => ('>', format!("disable {what}")),
        Action::Start => ('>', format!("start {what}")),
        Action::Stop => ('>', format!("stop {what}")),
        Action::Restart => ('>', format!("restart {what}")),
        Action::RollOut(resource) => ('>', format!("roll out{}", about(resource))),
        Action::Await(gate) => {
            let (ready, seconds) = (&gate.readiness_path, gate.timeout_seconds);
            ('>', format!("wait until {what} answers {ready}, for {seconds} s at most"))
        }
    }
}

/// The lines of a text that change, and two around them; all of a text that is new.
fn text_lines(step: &Step) -> Vec<String> {
    let (Action::Create(resource) | Action::Change(resource)) = &step.action else {
        return Vec::new();
    };
    let before = match &step.before {
        None => Some(""),
        Some(Actual::File { text, .. }) => text.as_deref(),
        Some(_) => None,
    };
    let Some((before, after)) = before.zip(text(resource)) else { return Vec::new() };
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(2) {
        for change in group.iter().flat_map(|it| diff.iter_changes(it)) {
            lines.push(format!("    | {}{}", change.tag(), change.value().trim_end_matches('\n')));
        }
    }
    lines
}

fn change_line(change: &Change) -> String {
    let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".into());
    match &change.before {
        None => format!("    {}: {}", change.field, show(&change.after)),
        Some(before) => format!("    {}: {before} -> {}", change.field, show(&change.after)),
    }
}

/// What a resource is beside its name, as far as it matters to whoever reads a plan.
fn about(resource: &Resource) -> String {
    match resource {
        Resource::Certificate { days, issuer: None, .. } => {
            format!("  an authority of its own, good for {days} days")
        }
        Resource::Certificate { days, .. } => format!("  good for {days} days"),
        Resource::Image { name, .. } => format!("  {name}"),
        Resource::Serving { bundle, strategy, .. } => {
            format!(" bundle {bundle}, {}", strategy.as_str())
        }
        _ => String::new(),
    }
}

fn summary(plan: &Plan) -> String {
    let count = |is: fn(&Action) -> bool| plan.steps.iter().filter(|it| is(&it.action)).count();
    let made = count(|action| matches!(action, Action::Create(_)));
    let changed = count(|action| matches!(action, Action::Change(_) | Action::Restore(_)));
    let removed = count(|action| matches!(action, Action::Remove(_)));
    match (plan.steps.len(), plan.aim) {
        (0, Aim::Apply) => format!("`{}` is as described: nothing to do.", plan.name),
        (0, Aim::Destroy | Aim::Purge) => format!("Nothing of `{}` is to be removed.", plan.name),
        (steps, _) => format!(
            "{steps} steps for `{}`: {made} to make, {changed} to change, {removed} to remove.",
            plan.name
        ),
    }
}
