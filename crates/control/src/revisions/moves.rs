//! How a revision moves along the edges of its life, and what must be so before it leaves traffic.

use deploy_spec::{
    Bps, DeploymentId, DeploymentRecord, Fault, Lifecycle, Revision, RevisionId, Timestamp, WHOLE,
};
use serde::Serialize;

use crate::draft::Draft;
use crate::record::Record;
use crate::view::{Lookup as _, View};

/// The result of every verb that moves a revision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MoveOutcome {
    /// Whose revision.
    pub deployment_id: DeploymentId,
    /// The revision.
    pub revision_id: RevisionId,
    /// Where it stands now.
    pub lifecycle: Lifecycle,
    /// What `r1` means.
    pub sequence: u64,
    /// Counts the changes of the revision.
    pub generation: u64,
}

impl MoveOutcome {
    pub(super) const fn of(revision: &Revision) -> Self {
        Self {
            deployment_id: revision.deployment_id,
            revision_id: revision.revision_id,
            lifecycle: revision.lifecycle,
            sequence: revision.sequence,
            generation: revision.generation,
        }
    }
}

/// Moves `revision` along `path` and puts it.
pub(super) fn put_moved(
    revision: Revision,
    path: &[Lifecycle],
    draft: &mut Draft<'_>,
) -> Result<MoveOutcome, Fault> {
    let revision = moved(revision, path, draft.now())?;
    draft.becomes(revision.generation);
    let outcome = MoveOutcome::of(&revision);
    draft.put(Record::Revision(revision));
    Ok(outcome)
}

/// The revision, put away from wherever it stands.
pub(crate) fn archived(revision: Revision, now: Timestamp) -> Result<Revision, Fault> {
    let path: &[Lifecycle] = match revision.lifecycle {
        Lifecycle::Draining => &[Lifecycle::Inactive, Lifecycle::Archived],
        _ => &[Lifecycle::Archived],
    };
    moved(revision, path, now)
}

fn moved(mut revision: Revision, path: &[Lifecycle], now: Timestamp) -> Result<Revision, Fault> {
    for &next in path {
        revision.lifecycle =
            revision.lifecycle.to(next).map_err(|edge| Fault::internal(edge.to_string()))?;
    }
    revision.draining_since = (revision.lifecycle == Lifecycle::Draining).then_some(now);
    if revision.lifecycle == Lifecycle::Draining {
        revision.drained = None;
    }
    if revision.lifecycle == Lifecycle::Archived {
        revision.archived_at = Some(now);
    }
    revision.generation += 1;
    Ok(revision)
}

/// `D1/r3`, as a command takes it.
pub(super) fn name(revision: &Revision) -> String {
    format!("{}/r{}", revision.deployment_id, revision.sequence)
}

/// That `revision` is in no state for what was asked; `only` says which states are.
pub(super) fn wrong_state(revision: &Revision, only: &str, hint: String) -> Fault {
    let lifecycle = revision.lifecycle;
    Fault::refused(format!("revision r{} is {lifecycle}; {only}", revision.sequence))
        .hint(hint)
        .detail("lifecycle", lifecycle.name())
}

/// Law 3: what has weight stays ready; so does what is compared.
pub(super) fn must_not_serve(
    view: &dyn View,
    record: &DeploymentRecord,
    revision: &Revision,
) -> Result<(), Fault> {
    let shadow = record.deployment.shadow.as_ref();
    if shadow.is_some_and(|shadow| shadow.revision_id == revision.revision_id) {
        let why = format!("revision r{} answers as a shadow", revision.sequence);
        let of = revision.deployment_id;
        return Err(Fault::refused(why).hint(format!("gtc op traffic unshadow --deployment {of}")));
    }
    let weight = record.split.as_ref().map_or(0, |split| split.weight_of(revision.revision_id));
    if weight == 0 {
        return Ok(());
    }
    let percent = Bps::new(weight).map_err(Fault::internal)?;
    let why = format!("revision r{} takes {percent} percent of the traffic", revision.sequence);
    Err(Fault::refused(why).hint(freeing(view, record, revision)?).detail("weight_bps", weight))
}

/// The command after which `revision` has no weight: the biggest of the others takes over, or the
/// newest that could, or nobody.
fn freeing(
    view: &dyn View,
    record: &DeploymentRecord,
    revision: &Revision,
) -> Result<String, Fault> {
    let of = revision.deployment_id;
    let weight = |id| record.split.as_ref().map_or(0, |split| split.weight_of(id));
    let mut others = view.revisions(of)?;
    others.retain(|other| {
        other.revision_id != revision.revision_id && other.lifecycle == Lifecycle::Ready
    });
    let Some(heir) = others.iter().max_by_key(|other| weight(other.revision_id)) else {
        return Ok(format!("gtc op traffic clear --deployment {of}"));
    };
    let mut shares = String::new();
    for other in &others {
        let inherited =
            if other.sequence == heir.sequence { weight(revision.revision_id) } else { 0 };
        let share = Bps::new((weight(other.revision_id) + inherited).min(WHOLE));
        let share = share.map_err(Fault::internal)?;
        if share.get() > 0 {
            shares.push_str(&format!(" r{}={share}", other.sequence));
        }
    }
    Ok(format!("gtc op traffic set --deployment {of}{shares}"))
}
