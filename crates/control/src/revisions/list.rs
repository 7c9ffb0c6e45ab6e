//! `revisions list`: one line about each revision.

use deploy_spec::{
    BundleId, DeploymentId, DeploymentRecord, Digest, Fault, Lifecycle, Revision, RevisionId,
    RevisionTag, Timestamp,
};
use serde::Serialize;

use crate::handle::{Handle, resolve_kept};
use crate::page::Page;
use crate::roster;
use crate::view::{Lookup as _, View};

/// One line of `revisions list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RevisionSummary {
    /// Whose revision.
    pub deployment_id: DeploymentId,
    /// Its bundle.
    pub bundle_id: BundleId,
    /// The revision.
    pub revision_id: RevisionId,
    /// What `r1` means.
    pub sequence: u64,
    /// The version the bundle gives itself.
    pub version: semver::Version,
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// Its share of traffic now, in basis points.
    pub weight_bps: u16,
    /// What people call it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<RevisionTag>,
    /// What its bundle is pinned to.
    pub bundle_digest: Digest,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The result of `revisions list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RevisionsShown {
    /// The revisions, oldest first within their deployment.
    pub revisions: Vec<RevisionSummary>,
    /// The deployment behind which the next page begins; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_after: Option<DeploymentId>,
}

/// The revisions of one deployment, also after it was removed; or of a page of deployments when
/// none is named.
///
/// # Errors
/// As [`resolve_deployment`](crate::resolve_deployment); or when the records cannot be read.
pub fn list(
    view: &dyn View,
    deployment: Option<&Handle>,
    page: Page,
) -> Result<RevisionsShown, Fault> {
    view.environment()?;
    let (records, next_after) = match deployment {
        Some(_) => (vec![resolve_kept(view, deployment)?], None),
        None => {
            let (ids, rest) = roster::page(view, page)?;
            let records = ids.into_iter().filter_map(|id| view.deployment(id).transpose());
            (records.collect::<Result<_, _>>()?, rest.next_after)
        }
    };
    let mut revisions = Vec::new();
    for record in &records {
        let of_record = view.revisions(record.deployment.deployment_id)?;
        revisions.extend(of_record.into_iter().map(|revision| summary(record, revision)));
    }
    Ok(RevisionsShown { revisions, next_after })
}

pub(super) fn summary(record: &DeploymentRecord, revision: Revision) -> RevisionSummary {
    let called = record.deployment.tags.iter().filter(|(_, id)| **id == revision.revision_id);
    RevisionSummary {
        tags: called.map(|(tag, _)| tag.clone()).collect(),
        deployment_id: revision.deployment_id,
        bundle_id: revision.bundle_id,
        revision_id: revision.revision_id,
        sequence: revision.sequence,
        version: revision.version,
        lifecycle: revision.lifecycle,
        weight_bps: record.split.as_ref().map_or(0, |s| s.weight_of(revision.revision_id)),
        bundle_digest: revision.bundle_digest,
        created_at: revision.created_at,
    }
}
