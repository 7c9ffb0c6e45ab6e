//! Whether what revisions pinned is still there: the versions of secrets, the engine.

use std::collections::BTreeMap;

use deploy_spec::{
    DeploymentId, EnvironmentId, Fault, Lifecycle, PinnedSecret, Revision, RevisionId, SecretRef,
};
use serde::Serialize;

use super::{Finding, Severity, lives};
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

/// The sealed values that revisions pin which serve or may serve.
///
/// # Errors
/// When the records cannot be listed.
pub fn pinned_values(view: &dyn View) -> Result<Vec<String>, Fault> {
    let mut values: Vec<String> = Vec::new();
    for revision in living(view)? {
        let pins = revision.pinned.into_iter().flat_map(|pinned| pinned.secrets);
        values.extend(pins.map(|pin| pin.value_ref));
    }
    values.sort_unstable();
    values.dedup();
    Ok(values)
}

/// Whether any revision that serves, or may serve, says which engine proved it.
///
/// # Errors
/// When the records cannot be listed.
pub fn runs_proven(view: &dyn View) -> Result<bool, Fault> {
    Ok(living(view)?.iter().any(|revision| revision.pinned.is_some()))
}

/// The revisions that serve or may serve.
pub(super) fn living(view: &dyn View) -> Result<Vec<Revision>, Fault> {
    let mut found = Vec::new();
    for key in view.all()? {
        let Key::Revision(..) = key else { continue };
        if let Ok(Some(Record::Revision(revision))) = view.get(&key)
            && lives(&revision)
        {
            found.push(revision);
        }
    }
    Ok(found)
}

fn living_of(records: &[Record]) -> impl Iterator<Item = &Revision> {
    records.iter().filter_map(|record| match record {
        Record::Revision(revision) if lives(revision) => Some(revision),
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
