//! `traffic show`: who serves how much now.

use deploy_spec::{
    Actor, BundleId, DeploymentId, DeploymentRecord, Fault, Lifecycle, RevisionId, Shadow, SplitOp,
    Timestamp,
};
use serde::Serialize;

use crate::handle::{Handle, resolve_deployment};
use crate::view::{Lookup as _, View};

/// One revision's share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShareShown {
    /// The revision.
    pub revision_id: RevisionId,
    /// What `r1` means.
    pub sequence: u64,
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// Its share, in basis points.
    pub weight_bps: u16,
}

/// The result of `traffic show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitShown {
    /// Whose split.
    pub deployment_id: DeploymentId,
    /// Its bundle.
    pub bundle_id: BundleId,
    /// The generation of the split; null until traffic is first set.
    pub generation: Option<u64>,
    /// Who serves how much; empty while the deployment is off the air.
    pub entries: Vec<ShareShown>,
    /// Which revision answers only to be compared, and how much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
    /// Whether there is something to roll back to.
    pub has_previous: bool,
    /// What made it.
    pub op: Option<SplitOp>,
    /// When.
    pub at: Option<Timestamp>,
    /// Who.
    pub by: Option<Actor>,
}

/// The current split of a deployment.
///
/// # Errors
/// As [`resolve_deployment`]; or when its records cannot be read.
pub fn show(view: &dyn View, deployment: Option<&Handle>) -> Result<SplitShown, Fault> {
    let DeploymentRecord { deployment, split, .. } = resolve_deployment(view, deployment)?;
    let mut entries = Vec::new();
    let weights =
        split.iter().filter_map(|s| s.allocation.as_ref()).flat_map(|a| a.entries.entries());
    for weight in weights {
        let Some(revision) = view.revision(deployment.deployment_id, weight.revision_id)? else {
            continue;
        };
        entries.push(ShareShown {
            revision_id: weight.revision_id,
            sequence: revision.sequence,
            lifecycle: revision.lifecycle,
            weight_bps: weight.weight_bps.get(),
        });
    }
    Ok(SplitShown {
        deployment_id: deployment.deployment_id,
        bundle_id: deployment.bundle_id,
        generation: split.as_ref().map(|split| split.generation),
        entries,
        shadow: deployment.shadow,
        has_previous: split.as_ref().is_some_and(|split| split.previous.is_some()),
        op: split.as_ref().map(|split| split.op),
        at: split.as_ref().map(|split| split.at),
        by: split.map(|split| split.by),
    })
}
