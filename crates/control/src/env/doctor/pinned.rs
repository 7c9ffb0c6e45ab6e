//! Whether what revisions pinned is still there: the versions of secrets, the engine.

use std::collections::BTreeMap;

use deploy_spec::{
    DeploymentId, EnvironmentId, Fault, Lifecycle, PinnedSecret, Revision, RevisionId, SecretRef,
};
use serde::Serialize;

use super::{Finding, Severity};
use crate::record::{Key, Record};
use crate::secrets::{pinned_version, stage_again};
use crate::view::View;

/// A version of a secret that is gone although a revision pins it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostSecret {
    /// Whose revision.
    pub deployment_id: DeploymentId,
    /// The revision.
    pub revision_id: RevisionId,
    /// What `r1` means.
    pub sequence: u64,
    /// The secret.
    pub secret: SecretRef,
    /// The version.
    pub version: u64,
    /// Whether the revision serves, or could at once.
    #[serde(skip)]
    pub(super) serves: bool,
    #[serde(skip)]
    pub(super) mend: String,
}

/// The sealed values that revisions pin.
#[must_use]
pub fn pinned_values(living: &[Revision]) -> Vec<String> {
    let pins = living.iter().filter_map(|revision| revision.pinned.as_ref());
    let pins = pins.flat_map(|pinned| &pinned.secrets);
    let mut values: Vec<String> = pins.map(|pin| pin.value_ref.clone()).collect();
    values.sort_unstable();
    values.dedup();
    values
}

/// Whether any revision says which engine proved it.
#[must_use]
pub fn runs_proven(living: &[Revision]) -> bool {
    living.iter().any(|revision| revision.pinned.is_some())
}

/// The revisions that serve or are about to. What cannot be read is left out; `env doctor` says so.
///
/// # Errors
/// When the records cannot be listed.
pub fn living(view: &dyn View) -> Result<Vec<Revision>, Fault> {
    let mut found = Vec::new();
    for key in view.all()? {
        let Key::Revision(..) = key else { continue };
        if let Ok(Some(Record::Revision(revision))) = view.get(&key)
            && revision.lifecycle.lives()
        {
            found.push(revision);
        }
    }
    Ok(found)
}

pub(super) fn living_of(records: &[Record]) -> impl Iterator<Item = &Revision> {
    records.iter().filter_map(|record| match record {
        Record::Revision(revision) if revision.lifecycle.lives() => Some(revision),
        _ => None,
    })
}

/// The pinned versions that no record names any more, or whose values are gone.
pub(super) fn lost(
    view: &dyn View,
    records: &[Record],
    missing_values: &[String],
) -> Result<Vec<LostSecret>, Fault> {
    let mut found = Vec::new();
    for revision in living_of(records) {
        for pin in revision.pinned.iter().flat_map(|pinned| &pinned.secrets) {
            let is_known = pinned_version(view, pin).is_ok_and(|version| version.is_some());
            if !is_known || missing_values.contains(&pin.value_ref) {
                found.push(lost_secret(view.environment_id(), revision, pin));
            }
        }
    }
    Ok(found)
}

fn lost_secret(at: &EnvironmentId, revision: &Revision, pin: &PinnedSecret) -> LostSecret {
    LostSecret {
        deployment_id: revision.deployment_id,
        revision_id: revision.revision_id,
        sequence: revision.sequence,
        secret: pin.secret.clone(),
        version: pin.version,
        serves: revision.lifecycle != Lifecycle::Staged,
        mend: stage_again(at, revision),
    }
}

/// A revision is given the version that it pinned or nothing at all, so it cannot be loaded again.
pub(super) fn of_lost(id: &EnvironmentId, lost: &[LostSecret]) -> Vec<Finding> {
    let finding = |lost: &LostSecret| {
        let name = format!("{}/r{}", lost.deployment_id, lost.sequence);
        let (version, secret) = (lost.version, lost.secret.path());
        Finding {
            check: "secrets",
            severity: if lost.serves { Severity::Error } else { Severity::Warning },
            message: format!(
                "{name} of `{id}` pins version {version} of `{secret}`, which is gone"
            ),
            mend: lost.mend.clone(),
        }
    };
    lost.iter().map(finding).collect()
}

/// The revisions that run on another engine than the one that proved them; one finding for each
/// engine.
pub(super) fn of_engine(
    id: &EnvironmentId,
    records: &[Record],
    engine: Option<&str>,
) -> Vec<Finding> {
    let Some(engine) = engine else { return Vec::new() };
    let mut others: BTreeMap<&str, Vec<&Revision>> = BTreeMap::new();
    for revision in living_of(records).filter(|r| r.lifecycle != Lifecycle::Staged) {
        let proven_by = revision.pinned.as_ref().map(|pinned| pinned.engine.as_str());
        if let Some(other) = proven_by.filter(|proven_by| *proven_by != engine) {
            others.entry(other).or_default().push(revision);
        }
    }
    let finding = |(other, revisions): (&str, Vec<&Revision>)| {
        let first = revisions.first()?;
        let name = format!("{}/r{}", first.deployment_id, first.sequence);
        let rest = match revisions.len() - 1 {
            0 => String::new(),
            rest => format!(" and {rest} more"),
        };
        Some(Finding {
            check: "engine",
            severity: Severity::Warning,
            message: format!("{name}{rest} proven by engine {other}, this gtc runs {engine}"),
            mend: stage_again(id, first),
        })
    };
    others.into_iter().filter_map(finding).collect()
}
