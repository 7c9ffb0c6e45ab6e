//! `env show`: all that an environment holds, a page of deployments at a time.

use deploy_spec::{BundleDeployment, DeploymentId, Environment, Fault, Revision, TrafficSplit};
use serde::Serialize;

use crate::page::Page;
use crate::roster;
use crate::view::{Lookup as _, View};

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
    let (ids, rest) = roster::page(view, page)?;
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
