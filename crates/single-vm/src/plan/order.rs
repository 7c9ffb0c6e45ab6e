//! The order of what is to be made and changed.

use std::collections::BTreeSet;

use crate::desired::Desired;
use crate::differ::Difference;
use crate::fields::{self, Change};
use crate::id::Id;
use crate::layout::{is_unit_file, unit_file};
use crate::observed::Observed;
use crate::recorded::Recorded;
use crate::resource::{Actual, Artifact, Content, Holds, Resource};

use super::removal::Removal;
use super::{Action, Step, step};

/// Everything but removing what is no longer wanted.
pub(super) fn steps(
    desired: &Desired,
    observed: &Observed,
    recorded: &Recorded,
    differences: &[Difference<'_>],
    superseded: &Removal,
) -> Vec<Step> {
    let at = |wanted: When| {
        let is_then = move |it: &&Difference<'_>| {
            is_made(it.resource) && when(it, recorded, &desired.gate.service) == wanted
        };
        differences.iter().filter(is_then).map(made)
    };
    let mut steps: Vec<Step> = at(When::Running).collect();
    let stopped = stops(desired, observed, recorded, differences, superseded);
    steps.extend(stopped.iter().map(|unit| step(Id::Unit(unit.clone()), Action::Stop)));
    steps.extend(at(When::Idle).chain(at(When::Stopped)));
    steps.extend(at(When::Text));
    let is_text = |step: &Step| matches!(&step.id, Id::File(path) if is_unit_file(path));
    if steps.iter().any(is_text) || observed.needs_reload {
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
                steps.extend(difference.map(|it| of(it, Action::RollOut(resource.clone()))));
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
    /// Neither service nor socket is active, nor the mount of what changes. The program, the bundle,
    /// a key or the text of the service is not what we made it, and whoever began with it would
    /// keep it.
    Stopped,
    /// The text of a unit.
    Text,
}

fn when(difference: &Difference<'_>, recorded: &Recorded, service: &str) -> When {
    let (resource, before) = (difference.resource, difference.before);
    let has = |name: &str| difference.changes.iter().any(|it| it.field == name);
    match resource {
        Resource::File { path, .. } if *path == unit_file(service) => {
            match has("content") && is_tampered(resource, before, recorded) {
                true => When::Stopped,
                false => When::Text,
            }
        }
        Resource::File { path, .. } if is_unit_file(path) => When::Text,
        Resource::File { content: Content::Copy { .. }, .. }
            if has("content") && is_tampered(resource, before, recorded) =>
        {
            When::Stopped
        }
        Resource::Directory { holds: Holds::Data | Holds::Scratch, .. }
            if before.is_some() && has("owner") =>
        {
            When::Idle
        }
        _ => When::Running,
    }
}

/// Whether it is not what we made it, or was there when we were last done and is gone.
fn is_tampered(resource: &Resource, before: Option<&Actual>, recorded: &Recorded) -> bool {
    let id = resource.id();
    if before.is_none() {
        let applied = recorded.applied.as_ref();
        return applied.is_some_and(|desired| desired.resources.iter().any(|it| it.id() == id));
    }
    let entry = recorded.entries.get(&id);
    entry.is_some_and(|entry| fields::differs(&entry.resource, before))
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
    recorded: &Recorded,
    differences: &[Difference<'_>],
    superseded: &Removal,
) -> Vec<String> {
    let changed = |unit: &str| {
        let id = Id::File(unit_file(unit));
        differences.iter().any(|it| it.resource.id() == id)
    };
    let service = &desired.gate.service;
    let needs = |wanted: When| differences.iter().any(|it| when(it, recorded, service) == wanted);
    let mut stops: Vec<String> = units(desired);
    let holds_changed = |unit: &String| match unit.ends_with(".mount") {
        true => differences
            .iter()
            .any(|it| is_bundle(it.resource) && when(it, recorded, service) == When::Stopped),
        false => needs(When::Stopped),
    };
    stops.retain(|unit| {
        unit != service && (changed(unit) || holds_changed(unit)) && is_active(observed, unit)
    });
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

const fn is_bundle(resource: &Resource) -> bool {
    matches!(resource, Resource::File { content: Content::Copy { of: Artifact::Bundle, .. }, .. })
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
