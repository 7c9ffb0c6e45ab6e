//! The picture of an environment: what serves whom, and who changed it last.

use std::collections::BTreeSet;

use deploy_spec::{
    Actor, BundleId, DeploymentId, DeploymentLifecycle, DeploymentRecord, EnvironmentId, Fault,
    Lifecycle, RevisionId, RouteBinding, SplitOp, Timestamp,
};
use serde::Serialize;

use crate::page::Page;
use crate::roster;
use crate::view::{Lookup as _, View};

/// How many of a deployment's newest revisions are in the picture, whatever they do.
const NEWEST: usize = 3;

/// One deployment in the picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeploymentPicture {
    /// Its id.
    pub deployment_id: DeploymentId,
    /// Its bundle.
    pub bundle_id: BundleId,
    /// Where it answers.
    pub route_binding: RouteBinding,
    /// Whether it serves.
    pub lifecycle: DeploymentLifecycle,
    /// The generation of its split; null until traffic is first set.
    pub generation: Option<u64>,
    /// What changed its split last.
    pub op: Option<SplitOp>,
    /// When.
    pub changed_at: Option<Timestamp>,
    /// Who.
    pub changed_by: Option<Actor>,
}

/// One revision in the picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RevisionPicture {
    /// Whose.
    pub deployment_id: DeploymentId,
    /// Its bundle.
    pub bundle_id: BundleId,
    /// What `r1` means.
    pub sequence: u64,
    /// The revision.
    pub revision_id: RevisionId,
    /// The version the bundle gives itself.
    pub version: semver::Version,
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// Its share, in basis points.
    pub weight_bps: u16,
}

/// An environment at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Picture {
    /// Which environment.
    pub environment_id: EnvironmentId,
    /// The sequence of its newest commit.
    pub sequence: u64,
    /// How many deployments it holds; this page may show fewer.
    pub deployment_count: usize,
    /// The deployments of this page, oldest first.
    pub deployments: Vec<DeploymentPicture>,
    /// Their revisions that take traffic, and the newest ones.
    pub revisions: Vec<RevisionPicture>,
    /// The deployment behind which the next page begins; null on the last page.
    pub next_after: Option<DeploymentId>,
}

/// A page of the picture.
///
/// # Errors
/// `not-found` when there is no such environment; or when its records cannot be read.
pub fn picture(view: &dyn View, page: Page) -> Result<Picture, Fault> {
    view.environment()?;
    let (ids, rest) = roster::page(view, page)?;
    let mut picture = Picture {
        environment_id: view.environment_id().clone(),
        sequence: view.sequence(),
        deployment_count: rest.count,
        deployments: Vec::new(),
        revisions: Vec::new(),
        next_after: rest.next_after,
    };
    for id in ids {
        let Some(record) = view.deployment(id)? else { continue };
        picture.revisions.extend(revisions(view, &record)?);
        picture.deployments.push(deployment(record));
    }
    Ok(picture)
}

fn deployment(record: DeploymentRecord) -> DeploymentPicture {
    let DeploymentRecord { deployment, split, .. } = record;
    DeploymentPicture {
        deployment_id: deployment.deployment_id,
        bundle_id: deployment.bundle_id,
        route_binding: deployment.route_binding,
        lifecycle: deployment.lifecycle,
        generation: split.as_ref().map(|split| split.generation),
        op: split.as_ref().map(|split| split.op),
        changed_at: split.as_ref().map(|split| split.at),
        changed_by: split.map(|split| split.by),
    }
}

fn revisions(view: &dyn View, record: &DeploymentRecord) -> Result<Vec<RevisionPicture>, Fault> {
    let of = record.deployment.deployment_id;
    let weights = record.split.as_ref().and_then(|split| split.allocation.as_ref());
    let weights = weights.map_or(&[][..], |allocation| allocation.entries.entries());
    let live = weights.iter().filter(|w| w.weight_bps.get() > 0).map(|w| w.revision_id);
    let newest = view.revision_ids(of)?.into_iter().rev().take(NEWEST);
    let shown: BTreeSet<RevisionId> = live.chain(newest).collect();
    let mut revisions = Vec::new();
    for id in shown {
        let Some(revision) = view.revision(of, id)? else { continue };
        let weight = weights.iter().find(|weight| weight.revision_id == id);
        revisions.push(RevisionPicture {
            deployment_id: of,
            bundle_id: revision.bundle_id,
            sequence: revision.sequence,
            revision_id: id,
            version: revision.version,
            lifecycle: revision.lifecycle,
            weight_bps: weight.map_or(0, |weight| weight.weight_bps.get()),
        });
    }
    Ok(revisions)
}
