//! `bundles list`: one line about each deployment.

use deploy_spec::{
    BundleId, CustomerId, DeploymentId, DeploymentLifecycle, DeploymentRecord, Fault, RouteBinding,
    Timestamp, Weights,
};
use serde::Serialize;

use crate::page::{Page, Rest};
use crate::roster;
use crate::view::{Lookup as _, View};

/// One line of `bundles list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeploymentSummary {
    /// Its id.
    pub deployment_id: DeploymentId,
    /// Its bundle.
    pub bundle_id: BundleId,
    /// Who it is run for.
    pub customer_id: CustomerId,
    /// Whether it serves.
    pub lifecycle: DeploymentLifecycle,
    /// Where it answers.
    pub route_binding: RouteBinding,
    /// How many revisions were ever staged.
    pub last_sequence: u64,
    /// Who serves how much; null while it is off the air.
    pub entries: Option<Weights>,
    /// Counts its changes.
    pub generation: u64,
    /// When it was removed; absent while it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<Timestamp>,
}

/// The result of `bundles list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeploymentsShown {
    /// How many there are; this page may show fewer.
    pub deployment_count: usize,
    /// The deployments of this page, oldest first.
    pub deployments: Vec<DeploymentSummary>,
    /// The deployment behind which the next page begins; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_after: Option<DeploymentId>,
}

/// A page of the deployments of an environment.
///
/// # Errors
/// `not-found` when there is no such environment; or when its records cannot be read.
pub fn list(view: &dyn View, page: Page) -> Result<DeploymentsShown, Fault> {
    view.environment()?;
    shown(roster::page(view, page)?, |id| view.deployment(id))
}

/// A page of the deployments that were removed from an environment, oldest first.
///
/// # Errors
/// `not-found` when there is no such environment; or when its records cannot be read.
pub fn list_retired(view: &dyn View, page: Page) -> Result<DeploymentsShown, Fault> {
    view.environment()?;
    shown(page.of(view.retired_ids()?), |id| view.retired(id))
}

fn shown(
    (ids, rest): (Vec<DeploymentId>, Rest),
    get: impl Fn(DeploymentId) -> Result<Option<DeploymentRecord>, Fault>,
) -> Result<DeploymentsShown, Fault> {
    let records = ids.into_iter().filter_map(|id| get(id).transpose());
    let deployments = records.map(|record| record.map(summary)).collect::<Result<_, Fault>>()?;
    Ok(DeploymentsShown { deployment_count: rest.count, deployments, next_after: rest.next_after })
}

fn summary(record: DeploymentRecord) -> DeploymentSummary {
    let DeploymentRecord { deployment, split, .. } = record;
    DeploymentSummary {
        deployment_id: deployment.deployment_id,
        bundle_id: deployment.bundle_id,
        customer_id: deployment.customer_id,
        lifecycle: deployment.lifecycle,
        route_binding: deployment.route_binding,
        last_sequence: deployment.last_sequence,
        entries: split.and_then(|split| split.allocation).map(|allocation| allocation.entries),
        generation: deployment.generation,
        retired_at: deployment.retired_at,
    }
}
