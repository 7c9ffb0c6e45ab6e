//! `gtc op traffic`: the dial.

mod clear;
mod history;
mod outcome;
mod rollback;
mod set;
mod shadow;
mod share;
mod show;
mod unshadow;

pub use clear::{Clear, ClearAnswers};
pub use history::{GenerationShown, HistoryShown, history};
pub use outcome::{EntryShown, SplitOutcome};
pub use rollback::{Rollback, RollbackAnswers};
pub use set::{EntryAnswers, Set, SetAnswers};
pub use shadow::{CastShadow, ShadowAnswers, ShadowOutcome};
pub use share::{OtherShare, others_of};
pub use show::{ShareShown, SplitShown, show};
pub use unshadow::{Unshadow, UnshadowAnswers};

use deploy_spec::split::SplitSchema;
use deploy_spec::{
    Allocation, DeploymentId, DeploymentRecord, Fault, Lifecycle, RevisionId, SplitOp, TrafficSplit,
};

use crate::draft::Draft;
use crate::record::Record;
use crate::view::{Lookup as _, View};

/// Replaces the split of `record` and puts both.
fn replace(
    draft: &mut Draft<'_>,
    mut record: DeploymentRecord,
    op: SplitOp,
    allocation: Option<Allocation>,
    previous: Option<u64>,
) -> Result<SplitOutcome, Fault> {
    let split = next(draft, &mut record, op, allocation, previous);
    let outcome = SplitOutcome::of(draft.view(), &split)?;
    draft.becomes(split.generation);
    record.split = Some(split);
    draft.put(Record::Deployment(record));
    Ok(outcome)
}

/// Takes a deployment that is about to be put away off the air, as `traffic clear` does.
pub(crate) fn take_off(draft: &mut Draft<'_>, record: &mut DeploymentRecord) {
    if record.split.as_ref().is_some_and(|split| split.allocation.is_some()) {
        let previous = undo_point(record.split.as_ref());
        record.split = Some(next(draft, record, SplitOp::Clear, None, previous));
    }
}

/// The next generation of the split of `record`; the one before is kept for a rollback.
fn next(
    draft: &mut Draft<'_>,
    record: &mut DeploymentRecord,
    op: SplitOp,
    allocation: Option<Allocation>,
    previous: Option<u64>,
) -> TrafficSplit {
    let generation = record.split.as_ref().map_or(0, |split| split.generation + 1);
    if let Some(past) = record.split.take() {
        draft.put(Record::PastSplit(past));
    }
    TrafficSplit {
        schema: SplitSchema,
        deployment_id: record.deployment.deployment_id,
        generation,
        allocation,
        previous,
        op,
        at: draft.now(),
        by: draft.actor().clone(),
        idempotency_key: draft.key(),
    }
}

/// Names the target of a traffic verb: the deployment, at the generation of its split.
fn target(draft: &mut Draft<'_>, record: &DeploymentRecord) -> Result<(), Fault> {
    let generation = record.split.as_ref().map(|split| split.generation);
    draft.target(record.deployment.deployment_id, generation)
}

/// The generation that a rollback of what comes next restores: now, unless it is off the air.
fn undo_point(current: Option<&TrafficSplit>) -> Option<u64> {
    current.and_then(|split| match split.allocation {
        Some(_) => Some(split.generation),
        None => split.previous,
    })
}

/// What was revoked and does not serve yet does not begin to.
fn must_be_trusted(
    view: &dyn View,
    record: &DeploymentRecord,
    live: impl Iterator<Item = RevisionId>,
) -> Result<(), Fault> {
    let environment = view.environment()?;
    if environment.revoked_bundles.is_empty()
        && environment.trust_root.iter().all(|key| key.revoked_at.is_none())
    {
        return Ok(());
    }
    let serves = |id| record.split.as_ref().is_some_and(|split| split.weight_of(id) > 0);
    for id in live.filter(|id| !serves(*id)) {
        let Some(revision) = view.revision(record.deployment.deployment_id, id)? else { continue };
        if let Some(why) = environment.distrusts(&revision) {
            return Err(Fault::refused(format!("r{} takes no traffic: {why}", revision.sequence))
                .hint(format!("gtc op trust list {}", environment.environment_id)));
        }
    }
    Ok(())
}

/// Law 1: only ready revisions take traffic.
fn must_be_ready(
    view: &dyn View,
    of: DeploymentId,
    live: impl Iterator<Item = RevisionId>,
) -> Result<(), Fault> {
    let mut not_ready = Vec::new();
    for id in live {
        match view.revision(of, id)? {
            Some(revision) if revision.lifecycle == Lifecycle::Ready => {}
            Some(revision) => {
                not_ready.push((format!("r{}", revision.sequence), revision.lifecycle.name()));
            }
            None => not_ready.push((id.to_string(), "gone")),
        }
    }
    let Some((first, state)) = not_ready.first() else { return Ok(()) };
    let next = match *state {
        "staged" => format!("gtc op revisions warm {of}/{first}"),
        "failed" | "inactive" => format!("gtc op revisions retry {of}/{first}"),
        _ => format!("gtc op revisions list --deployment {of}"),
    };
    let names: Vec<String> =
        not_ready.iter().map(|(name, state)| format!("{name} is {state}")).collect();
    Err(Fault::refused(format!("only ready revisions take traffic: {}", names.join(", ")))
        .hint(next)
        .detail("not_ready", not_ready.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()))
}
