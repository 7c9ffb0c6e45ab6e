//! `bundles show`: one deployment, its revisions and its split.

use deploy_spec::{BundleDeployment, Fault, Revision, TrafficSplit};
use serde::Serialize;

use crate::handle::{Handle, resolve_kept};
use crate::view::{Lookup as _, View};

/// The result of `bundles show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BundleShown {
    /// The deployment.
    pub deployment: BundleDeployment,
    /// Its revisions, oldest first.
    pub revisions: Vec<Revision>,
    /// Its current split; null until traffic is first set.
    pub traffic: Option<TrafficSplit>,
}

/// One deployment; one that was removed is found by its whole id.
///
/// # Errors
/// As [`resolve_deployment`](crate::resolve_deployment); or when its records cannot be read.
pub fn show(view: &dyn View, deployment: Option<&Handle>) -> Result<BundleShown, Fault> {
    let record = resolve_kept(view, deployment)?;
    let revisions = view.revisions(record.deployment.deployment_id)?;
    Ok(BundleShown { deployment: record.deployment, revisions, traffic: record.split })
}
