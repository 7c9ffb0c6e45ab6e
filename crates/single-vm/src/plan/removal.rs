//! What was made and is no longer wanted, in the order in which it can go.

use std::collections::BTreeSet;

use crate::desired::Desired;
use crate::fields::{all_gone, back};
use crate::id::Id;
use crate::layout::is_unit_file;
use crate::observed::Observed;
use crate::recorded::{Entry, Recorded};
use crate::resource::{Actual, Holds, Resource};
use crate::spec::MachinePath;

use super::{Action, Aim, Kept, Step, step};

/// The steps that remove, and what is left.
pub(super) struct Removal {
    pub(super) steps: Vec<Step>,
    pub(super) kept: Vec<Kept>,
    /// The sockets among it, which must let go of their address before another takes it.
    pub(super) sockets: Vec<String>,
}

/// What was made and is not in `desired`. Data is left.
pub(super) fn superseded(desired: &Desired, observed: &Observed, recorded: &Recorded) -> Removal {
    let wanted = desired.ids();
    remove(observed, recorded, Aim::Destroy, false, |id| !wanted.contains(id))
}

/// All that was made.
pub(super) fn everything(observed: &Observed, recorded: &Recorded, aim: Aim) -> Removal {
    remove(observed, recorded, aim, observed.needs_reload, |_| true)
}

fn remove(
    observed: &Observed,
    recorded: &Recorded,
    aim: Aim,
    mut needs_reload: bool,
    goes: impl Fn(&Id) -> bool,
) -> Removal {
    let going = || recorded.entries.iter().filter(|(id, _)| goes(id));
    let kept = kept(going(), aim);
    let stays = |id: &Id| kept.iter().any(|kept| kept.id == *id);
    let mut going: Vec<(&Id, &Entry, &Actual)> = going()
        .filter(|(id, _)| !stays(id))
        .filter_map(|(id, entry)| observed.resources.get(id).map(|now| (id, entry, now)))
        .collect();
    going.sort_by_key(|(id, ..)| rank(id));
    let sockets = going.iter().filter_map(|(id, ..)| match id {
        Id::Unit(name) if name.ends_with(".socket") => Some(name.clone()),
        _ => None,
    });
    let sockets = sockets.collect();
    let mut steps = Vec::new();
    for (id, entry, now) in going {
        if needs_reload && !is_text(id) {
            steps.push(step(Id::Manager, Action::Reload));
            needs_reload = false;
        }
        needs_reload |= is_text(id);
        steps.extend(one(id, entry, now));
    }
    if needs_reload {
        steps.push(step(Id::Manager, Action::Reload));
    }
    Removal { steps, kept, sockets }
}

fn is_text(id: &Id) -> bool {
    matches!(id, Id::File(path) if is_unit_file(path))
}

/// Units first, the service before what it needs; then their texts; then what they read; then where
/// that was, the deepest first; and accounts when nothing is theirs any more.
fn rank(id: &Id) -> (u8, std::cmp::Reverse<String>) {
    let rank = match id {
        Id::Unit(name) if name.ends_with(".service") => 0,
        Id::Unit(name) if name.ends_with(".socket") => 1,
        Id::Unit(_) => 2,
        Id::File(path) if is_unit_file(path) => 3,
        Id::File(_) | Id::Image(_) | Id::Serving(_) | Id::Manager => 4,
        Id::Certificate(_) => 5,
        Id::Directory(_) => 6,
        Id::User(_) => 7,
        Id::Group(_) => 8,
    };
    (rank, std::cmp::Reverse(id.name().to_owned()))
}

fn one(id: &Id, entry: &Entry, now: &Actual) -> Vec<Step> {
    let with =
        |action, changes| Step { id: id.clone(), action, before: Some(now.clone()), changes };
    if let Actual::Unit { enabled, active, .. } = now {
        let mut steps = Vec::new();
        steps.extend(active.then(|| with(Action::Stop, Vec::new())));
        steps.extend(enabled.then(|| with(Action::Disable, Vec::new())));
        return steps;
    }
    match &entry.before {
        None => vec![with(Action::Remove(entry.resource.clone()), all_gone(now))],
        Some(before) if before == now => Vec::new(),
        Some(before) => vec![with(Action::Restore(before.clone()), back(before, now))],
    }
}

/// Data, what it is in, and whose it is.
fn kept<'a>(going: impl Iterator<Item = (&'a Id, &'a Entry)> + Clone, aim: Aim) -> Vec<Kept> {
    if aim == Aim::Purge {
        return Vec::new();
    }
    let is_data = |entry: &Entry| {
        matches!(entry.resource, Resource::Directory { holds: Holds::Data, .. })
            && entry.before.is_none()
    };
    let data: BTreeSet<&MachinePath> = going
        .clone()
        .filter(|(_, entry)| is_data(entry))
        .filter_map(|(id, _)| match id {
            Id::Directory(path) => Some(path),
            _ => None,
        })
        .collect();
    let why = |id: &Id| match id {
        Id::Directory(path) if data.contains(path) => Some("it holds data"),
        Id::Directory(path) if data.iter().any(|data| data.is_within(path)) => {
            Some("it holds a directory with data")
        }
        Id::User(_) | Id::Group(_) if !data.is_empty() => {
            Some("the data is its own, and would be that of the next account with its number")
        }
        _ => None,
    };
    going
        .filter_map(|(id, _)| why(id).map(|why| Kept { id: id.clone(), why: why.into() }))
        .collect()
}
