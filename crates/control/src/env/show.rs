//! `env show`: all that an environment holds, a page of deployments at a time.

use deploy_spec::{BundleDeployment, DeploymentId, Environment, Fault, Revision, TrafficSplit};
use serde::Serialize;

use crate::view::{Lookup as _, View};

/// Which part of a long list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many deployments at most.
    pub limit: usize,
    /// Begin behind this deployment.
    pub after: Option<DeploymentId>,
}

/// What lies beyond a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rest {
    /// How many deployments there are on all pages.
    pub(crate) count: usize,
    /// The deployment behind which the next page begins; none on the last one.
    pub(crate) next_after: Option<DeploymentId>,
}

impl Page {
    /// The deployments of this page out of all, which are in order.
    pub(crate) fn of(self, mut ids: Vec<DeploymentId>) -> (Vec<DeploymentId>, Rest) {
        let from = self.after.map_or(0, |after| ids.partition_point(|id| *id <= after));
        let count = ids.len();
        let to = count.min(from.saturating_add(self.limit));
        let next_after = (to < count && to > from).then(|| ids[to - 1]);
        ids.truncate(to);
        (ids.split_off(from.min(to)), Rest { count, next_after })
    }
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: 20, after: None }
    }
}

/// The result of `env show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnvironmentShown {
    /// The environment.
    pub environment: Environment,
    /// How many deployments it holds; this page may show fewer.
    pub deployment_count: usize,
    /// The deployments of this page, oldest first.
    pub deployments: Vec<BundleDeployment>,
    /// All their revisions, oldest first.
    pub revisions: Vec<Revision>,
    /// Their current splits.
    pub traffic: Vec<TrafficSplit>,
    /// The deployment behind which the next page begins; null on the last page.
    pub next_after: Option<DeploymentId>,
}

/// A page of an environment.
///
/// # Errors
/// `not-found` when there is no such environment; or when its records cannot be read.
pub fn show(view: &dyn View, page: Page) -> Result<EnvironmentShown, Fault> {
    let environment = view.environment()?;
    let (ids, rest) = page.of(view.deployment_ids()?);
    let mut shown = EnvironmentShown {
        environment,
        deployment_count: rest.count,
        deployments: Vec::new(),
        revisions: Vec::new(),
        traffic: Vec::new(),
        next_after: rest.next_after,
    };
    for id in ids {
        let Some(record) = view.deployment(id)? else { continue };
        shown.deployments.push(record.deployment);
        shown.traffic.extend(record.split);
        shown.revisions.extend(view.revisions(id)?);
    }
    Ok(shown)
}
