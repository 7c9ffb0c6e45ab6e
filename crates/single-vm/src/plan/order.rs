//! The order of what is to be made and changed.

use std::collections::BTreeSet;

use crate::desired::Desired;
use crate::differ::Difference;
use crate::fields::Change;
use crate::id::Id;
use crate::layout::{is_unit_file, unit_file};
use crate::observed::Observed;
use crate::resource::{Actual, Content, Holds, Resource};

use super::removal::Removal;
use super::{Action, Step, step};

/// Everything but removing what is no longer wanted.
pub(super) fn steps(
    desired: &Desired,
    observed: &Observed,
    differences: &[Difference<'_>],
    superseded: &Removal,
) -> Vec<Step> {
    let at = |when: When| {
        differences
            .iter()
            .filter(move |it| is_made(it.resource) && self::when(it) == when)
            .map(made)
    };
    let mut steps: Vec<Step> = at(When::Running).collect();
    let stopped = stops(desired, observed, differences, superseded);
    steps.extend(stopped.iter().map(|unit| step(Id::Unit(unit.clone()), Action::Stop)));
    steps.extend(at(When::Idle).chain(at(When::Stopped)));
    let texts: Vec<Step> = at(When::Text).collect();
    let is_unread = !texts.is_empty() || observed.needs_reload;
    steps.extend(texts);
    if is_unread {
        steps.push(step(Id::Manager, Action::Reload));
    }
    let stopped: BTreeSet<String> = stopped.into_iter().collect();
    for resource in &desired.resources {
        let difference = differences.iter().find(|it| it.resource.id() == resource.id());
        match resource {
            Resource::Unit { name, .. } => {
                steps.extend(unit(resource, difference, stopped.contains(name)));
            }
            Resource::Serving { .. } => {
                steps.extend(difference.map(|it| of(it, Action::RollOut(resource.clone()))))
            }
            _ => {}
        }
    }
    steps
}

/// What must be so when a thing is made or changed. What comes later may come again after a crash,
/// and must find the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Nothing reads it: the service may run.
    Running,
    /// The service does not run: its directories get another owner.
    Idle,
    /// Neither service, socket nor mount is active. The program, the bundle or a key is not what it
    /// was, and whoever has it open would keep what it was changed to.
    Stopped,
    /// The text of a unit.
    Text,
}

fn when(difference: &Difference<'_>) -> When {
    let changes = |name: &str| {
        difference.before.is_some() && difference.changes.iter().any(|it| it.field == name)
    };
    match difference.resource {
        Resource::File { path, .. } if is_unit_file(path) => When::Text,
        Resource::File { content: Content::Copy { .. }, .. } if changes("content") => When::Stopped,
        Resource::Directory { holds: Holds::Data | Holds::Scratch, .. } if changes("owner") => {
            When::Idle
        }
        _ => When::Running,
    }
}

/// Units in the order in which they start: mounts, the socket, the service.
fn units(desired: &Desired) -> Vec<String> {
    let units = desired.resources.iter().filter_map(|resource| match resource {
        Resource::Unit { name, .. } => Some(name.clone()),
        _ => None,
    });
    units.collect()
}

const fn is_made(resource: &Resource) -> bool {
    !matches!(resource, Resource::Unit { .. } | Resource::Serving { .. })
}

fn of(difference: &Difference<'_>, action: Action) -> Step {
    Step {
        id: difference.resource.id(),
        action,
        before: difference.before.cloned(),
        changes: difference.changes.clone(),
    }
}

fn made(difference: &Difference<'_>) -> Step {
    let resource = difference.resource.clone();
    match difference.before {
        None => of(difference, Action::Create(resource)),
        Some(_) => of(difference, Action::Change(resource)),
    }
}

/// What must not be active while its text changes: mounts and sockets, which cannot tell what they
/// were started with; and the service, which holds both. In the order in which they stop.
fn stops(
    desired: &Desired,
    observed: &Observed,
    differences: &[Difference<'_>],
    superseded: &Removal,
) -> Vec<String> {
    let changed = |unit: &str| {
        let id = Id::File(unit_file(unit));
        differences.iter().any(|it| it.resource.id() == id)
    };
    let service = &desired.gate.service;
    let needs = |wanted: When| differences.iter().any(|it| when(it) == wanted);
    let mut stops: Vec<String> = units(desired);
    let all = needs(When::Stopped);
    stops.retain(|unit| unit != service && (all || changed(unit)) && is_active(observed, unit));
    stops.extend(superseded.sockets.iter().filter(|it| is_active(observed, it)).cloned());
    stops.reverse();
    // systemd starts no socket whose service is already there.
    let opens = |unit: &String| unit.ends_with(".socket") && !is_active(observed, unit);
    let needed = !stops.is_empty()
        || units(desired).iter().any(opens)
        || needs(When::Stopped)
        || needs(When::Idle);
    if needed && is_active(observed, service) {
        stops.insert(0, service.clone());
    }
    stops
}

fn is_active(observed: &Observed, unit: &str) -> bool {
    let actual = observed.resources.get(&Id::Unit(unit.to_owned()));
    matches!(actual, Some(Actual::Unit { active: true, .. }))
}

/// What is to be done to a unit, of which `is_stopped` says whether the plan stops it before.
fn unit(resource: &Resource, difference: Option<&Difference<'_>>, is_stopped: bool) -> Vec<Step> {
    let before = difference.and_then(|it| it.before);
    let about = |names: &[&str]| -> Vec<Change> {
        let changes = difference.map(|it| it.changes.clone()).unwrap_or_default();
        changes.into_iter().filter(|change| names.contains(&change.field.as_str())).collect()
    };
    let with = |action, names: &[&str]| Step {
        id: resource.id(),
        action,
        before: before.cloned(),
        changes: about(names),
    };
    let has = |name: &str| !about(&[name]).is_empty();
    let mut steps = Vec::new();
    if has("enabled") {
        steps.push(with(Action::Enable, &["enabled"]));
    }
    if has("active") || is_stopped {
        steps.push(with(Action::Start, &["active", "configuration"]));
    } else if has("configuration") {
        steps.push(with(Action::Restart, &["configuration"]));
    }
    steps
}
