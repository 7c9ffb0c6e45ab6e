//! `traffic history`: the splits that were, newest last.

use deploy_spec::{Actor, DeploymentId, Fault, IdempotencyKey, SplitOp, Timestamp, TrafficSplit};
use serde::Serialize;

use super::{EntryShown, SplitOutcome};
use crate::handle::{Handle, resolve_kept};
use crate::view::{Lookup as _, View};

/// One generation of a split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GenerationShown {
    /// Its number.
    pub generation: u64,
    /// Who served how much; empty while the deployment was off the air.
    pub entries: Vec<EntryShown>,
    /// What made it.
    pub op: SplitOp,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// The key of the command that made it.
    pub idempotency_key: Option<IdempotencyKey>,
}

impl GenerationShown {
    fn of(view: &dyn View, split: TrafficSplit) -> Result<Self, Fault> {
        Ok(Self {
            generation: split.generation,
            entries: SplitOutcome::of(view, &split)?.entries,
            op: split.op,
            at: split.at,
            by: split.by,
            idempotency_key: split.idempotency_key,
        })
    }
}

/// The result of `traffic history`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HistoryShown {
    /// Whose splits.
    pub deployment_id: DeploymentId,
    /// The newest generations, newest last.
    pub generations: Vec<GenerationShown>,
    /// Whether older generations were left out.
    pub truncated: bool,
}

/// The newest `limit` generations of a deployment's split, also after it was removed.
///
/// # Errors
/// As [`resolve_deployment`](crate::resolve_deployment); or when the records cannot be read.
pub fn history(
    view: &dyn View,
    deployment: Option<&Handle>,
    limit: u64,
) -> Result<HistoryShown, Fault> {
    let record = resolve_kept(view, deployment)?;
    let deployment_id = record.deployment.deployment_id;
    let newest = record.split.as_ref().map_or(0, |split| split.generation);
    let oldest = (newest + 1).saturating_sub(limit);
    let mut splits = Vec::new();
    for generation in oldest..newest {
        splits.extend(view.past_split(deployment_id, generation)?);
    }
    splits.extend(record.split);
    let shown = splits.into_iter().map(|split| GenerationShown::of(view, split));
    let generations = shown.collect::<Result<_, Fault>>()?;
    Ok(HistoryShown { deployment_id, generations, truncated: oldest > 0 })
}
