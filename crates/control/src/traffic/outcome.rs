//! What the verbs of the dial answer.

use deploy_spec::{Bps, DeploymentId, Fault, RevisionId, TrafficSplit};
use serde::Serialize;

use crate::view::{Lookup as _, View};

/// One revision's share in a split that is, or was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntryShown {
    /// Whose share.
    pub revision_id: RevisionId,
    /// How much, in basis points.
    pub weight_bps: Bps,
    /// What `r1` means; absent when the revision is forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
}

/// The result of every verb that changes a split.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitOutcome {
    /// Whose split.
    pub deployment_id: DeploymentId,
    /// Who serves how much; empty while the deployment is off the air.
    pub entries: Vec<EntryShown>,
    /// The generation of the split.
    pub generation: u64,
    /// Whether there is something to roll back to.
    pub has_previous: bool,
}

impl SplitOutcome {
    pub(super) fn of(view: &dyn View, split: &TrafficSplit) -> Result<Self, Fault> {
        let weights = split.allocation.iter().flat_map(|it| it.entries.entries());
        let entry = |weight: &deploy_spec::Weight| {
            let revision = view.revision(split.deployment_id, weight.revision_id)?;
            Ok(EntryShown {
                revision_id: weight.revision_id,
                weight_bps: weight.weight_bps,
                sequence: revision.map(|revision| revision.sequence),
            })
        };
        Ok(Self {
            deployment_id: split.deployment_id,
            entries: weights.map(entry).collect::<Result<_, Fault>>()?,
            generation: split.generation,
            has_previous: split.previous.is_some(),
        })
    }
}
