//! `revisions show`: all that a revision pins, and what its gate said.

use deploy_spec::{Fault, Revision};
use serde::Serialize;

use super::closure::{Pin, closure};
use crate::handle::{Handle, resolve_revision};
use crate::view::View;

/// The result of `revisions show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RevisionShown {
    /// The revision.
    pub revision: Revision,
    /// Its share of traffic now, in basis points.
    pub weight_bps: u16,
    /// Everything that it runs, and what each is pinned to.
    pub closure: Vec<Pin>,
}

/// One revision.
///
/// # Errors
/// As [`resolve_revision`].
pub fn show(
    view: &dyn View,
    deployment: Option<&Handle>,
    revision: &Handle,
) -> Result<RevisionShown, Fault> {
    let (record, revision) = resolve_revision(view, deployment, revision)?;
    let weight_bps = record.split.map_or(0, |split| split.weight_of(revision.revision_id));
    let closure = closure(view, &revision)?;
    Ok(RevisionShown { revision, weight_bps, closure })
}
