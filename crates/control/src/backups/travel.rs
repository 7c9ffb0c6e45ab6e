//! What of a backup is put, and as what: into the environment it was made of, or into a new one.

use std::collections::BTreeSet;

use deploy_spec::{EnvironmentId, Fault, Revision, Secret, SecretRef};

use super::restore::RestoreFacts;
use crate::record::{Key, Record};
use crate::secrets::credentials_path;

/// The records to put, and the secrets that have no value where they go.
pub(super) fn bring(
    facts: &RestoreFacts,
    here: &EnvironmentId,
) -> Result<(Vec<Record>, Vec<SecretRef>), Fault> {
    let credentials = Key::Secret(credentials_path()?);
    let source = &facts.source_environment;
    let gone: BTreeSet<&str> = facts.missing_values.iter().map(String::as_str).collect();
    let (mut records, mut missing) = (Vec::new(), Vec::new());
    for record in &facts.records {
        match record {
            Record::Answered(_) | Record::Backup(_) => {}
            Record::Secret(secret) => match with_values(secret, &gone, source == here) {
                Some(secret) => records.push(Record::Secret(secret)),
                None => missing.push(SecretRef::new(here, &secret.path)),
            },
            other => records.push(renamed(other.clone(), source, here)),
        }
    }
    if records.iter().all(|record| record.key() != credentials) {
        forget_credentials(&mut records);
    }
    missing.sort_unstable();
    Ok((records, missing))
}

/// The secret without the versions whose values are gone; none when its newest one is, because an
/// older value must not pass for it. Values never leave their environment.
fn with_values(secret: &Secret, gone: &BTreeSet<&str>, stays: bool) -> Option<Secret> {
    let has_value = |value_ref: &str| !gone.contains(value_ref);
    if !stays || !secret.newest().is_some_and(|newest| has_value(&newest.value_ref)) {
        return None;
    }
    let mut secret = secret.clone();
    secret.versions.retain(|version| has_value(&version.value_ref));
    Some(secret)
}

fn forget_credentials(records: &mut [Record]) {
    for record in records {
        if let Record::Environment(environment) = record {
            environment.credentials_ref = None;
        }
    }
}

/// The record with the environment's own name in it, wherever the source's stood.
fn renamed(mut record: Record, source: &EnvironmentId, here: &EnvironmentId) -> Record {
    match &mut record {
        Record::Environment(environment) => environment.environment_id = here.clone(),
        Record::Deployment(record) | Record::Retired(record) => {
            record.deployment.environment_id = here.clone();
        }
        Record::Revision(revision) if source != here => settle(revision, source, here),
        Record::Revision(_)
        | Record::PastSplit(_)
        | Record::Route(_)
        | Record::BundleMember(_)
        | Record::RevisionHome(_)
        | Record::Roster(_)
        | Record::RosterPage(_)
        | Record::Secret(_)
        | Record::Backup(_)
        | Record::Answered(_) => {}
    }
    record
}

/// In another environment a revision reads that one's secrets, and nothing proved it there: what it
/// pinned are values that have not come along.
fn settle(revision: &mut Revision, source: &EnvironmentId, here: &EnvironmentId) {
    revision.pinned = None;
    for reference in &mut revision.secret_refs {
        if reference.is_of(source) {
            *reference = SecretRef::new(here, &reference.path());
        }
    }
}
