//! What differs between what is wanted and what was found, and what may be changed of it.

use deploy_spec::Fault;
use serde::{Deserialize, Serialize};

use crate::desired::Desired;
use crate::fields::{self, Change};
use crate::id::Id;
use crate::observed::Observed;
use crate::recorded::Recorded;
use crate::resource::{Actual, Holds, Resource};

/// One thing that is not as it should be, field by field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// Which.
    pub id: Id,
    /// Whether it is there at all.
    pub missing: bool,
    /// What of it; empty when it is missing.
    pub fields: Vec<Change>,
}

/// What of `desired` is not so on the machine; hand in [`Recorded::applied`] to learn what was
/// changed behind our back. Accounts and directories that others made are theirs.
#[must_use]
pub fn drift(desired: &Desired, observed: &Observed, recorded: &Recorded) -> Vec<Drift> {
    let differing = desired.resources.iter().filter(|it| !is_theirs(it, observed, recorded));
    differing
        .filter_map(|resource| {
            let id = resource.id();
            match observed.resources.get(&id) {
                None => Some(Drift { id, missing: true, fields: Vec::new() }),
                Some(actual) => {
                    let fields = differing_fields(resource, actual);
                    (!fields.is_empty()).then_some(Drift { id, missing: false, fields })
                }
            }
        })
        .collect()
}

fn differing_fields(resource: &Resource, actual: &Actual) -> Vec<Change> {
    if fields::is_same_kind(resource, actual) {
        return fields::changes(resource, actual);
    }
    let before = match actual {
        Actual::Other { what } => what.clone(),
        _ => "something else".into(),
    };
    let after = Some(resource.id().kind().to_owned());
    vec![Change { field: "kind".into(), before: Some(before), after }]
}

/// What is to be done to one thing.
pub(crate) struct Difference<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) before: Option<&'a Actual>,
    pub(crate) changes: Vec<Change>,
}

/// What is to be done, in the order of `desired`.
///
/// # Errors
/// `conflict` with everything of others that stands in the way, in `details.collisions`.
pub(crate) fn differences<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
    recorded: &Recorded,
) -> Result<Vec<Difference<'a>>, Fault> {
    let (mut found, mut collisions) = (Vec::new(), Vec::new());
    for resource in &desired.resources {
        let id = resource.id();
        let before = observed.resources.get(&id);
        let Some(actual) = before else {
            found.push(Difference { resource, before, changes: fields::all_new(resource) });
            continue;
        };
        let changes = differing_fields(resource, actual);
        if changes.is_empty() || is_theirs(resource, observed, recorded) {
            continue;
        }
        if let Some(why) = collision(resource, actual, recorded.entries.contains_key(&id)) {
            collisions.push(format!("{} {}: {why}", id.kind(), id.name()));
        }
        found.push(Difference { resource, before, changes });
    }
    if collisions.is_empty() {
        return Ok(found);
    }
    let why = collisions.join("; ");
    Err(Fault::conflict(format!("on the machine something else stands in the way: {why}"))
        .detail("collisions", collisions)
        .hint("move it away, then plan again"))
}

/// Accounts and directories are shared with others; what others made stays as they made it, but for
/// the directories that the service itself writes to.
fn is_theirs(resource: &Resource, observed: &Observed, recorded: &Recorded) -> bool {
    let is_shared = matches!(
        resource,
        Resource::Group { .. }
            | Resource::User { .. }
            | Resource::Directory { holds: Holds::Parts | Holds::Mount, .. }
    );
    let id = resource.id();
    let there = observed.resources.get(&id);
    let is_there = there.is_some_and(|actual| fields::is_same_kind(resource, actual));
    is_shared && is_there && !recorded.entries.contains_key(&id)
}

/// Why what is there cannot be changed into what is wanted.
fn collision(resource: &Resource, actual: &Actual, is_ours: bool) -> Option<String> {
    if !fields::is_same_kind(resource, actual) {
        return Some(match actual {
            Actual::Other { what } => format!("there is {what}, which is not followed"),
            _ => "there is something else".into(),
        });
    }
    let is_whole = matches!(resource, Resource::File { .. } | Resource::Certificate { .. });
    (is_whole && !is_ours).then(|| "it was not made by this deployment".into())
}
