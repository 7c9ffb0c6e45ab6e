//! `env doctor`: whether an environment is sound, and what to type where it is not.
//!
//! What takes more than records to know comes in as [`DoctorFacts`]; what it means is decided here.

mod certificates;
mod containers;
mod findings;
mod pinned;

pub use self::pinned::{LostSecret, living, pinned_values, runs_proven};

use deploy_spec::{
    ContainerEngine, Descriptor, Digest, EnvironmentId, Fault, Revision, SecretRef, Slot, Timestamp,
};
use serde::Serialize;

use self::certificates::of_certificates;
use self::containers::{has_containers, of_containers};
use self::findings::{of_machine, of_records, of_trust};
use self::pinned::{lost, of_engine, of_lost};
use crate::backups::contradictions;
use crate::record::Record;
use crate::secrets::missing_secrets;
use crate::view::{Lookup as _, View};

/// What must be found out for `env doctor`.
#[derive(Debug, Clone, Default)]
pub struct DoctorFacts {
    /// What time it is.
    pub now: Timestamp,
    /// What the registry says of each env-pack that is bound.
    pub packs: Vec<PackKnown>,
    /// What cannot be used of the env-packs from elsewhere that are bound: the env-pack, why, and what
    /// to type.
    pub broken_packs: Vec<(Descriptor, String, String)>,
    /// Files that others can use or own: path, what was found, what is wanted.
    pub permissions: Vec<(String, String, String)>,
    /// Files among the records that are no records.
    pub strays: Vec<String>,
    /// What is wrong with the audit log.
    pub audit: Vec<String>,
    /// The bundles that are not there, of those that revisions need.
    pub missing_artifacts: Vec<Digest>,
    /// Of the values that revisions pin, those that the secrets slot does not hold any more.
    pub missing_values: Vec<String>,
    /// The version of this program's engine; none when no revision was proven by one.
    pub engine: Option<String>,
    /// What runs containers on this machine.
    pub container_engine: Option<ContainerEngine>,
    /// The files in which the value of a secret stands: file, secret.
    pub leaks: Vec<(String, String)>,
    /// What looks like a secret in the bundles: bundle, what was found where.
    pub bundle_findings: Vec<(Digest, String)>,
    /// How much space is left, in bytes; none when nobody knows.
    pub free_bytes: Option<u64>,
    /// Why a running data plane does not serve the newest state.
    pub data_plane: Option<String>,
    /// When the certificate ends that its admin API shows by TLS; none where it shows none.
    pub admin_certificate_ends: Option<Timestamp>,
    /// The certificates that it shows over TLS.
    pub certificates: Vec<CertificateKnown>,
}

/// What is known of a certificate that is shown over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateKnown {
    /// The name it is for, or the first of them.
    pub name: String,
    /// The file it is in; none where it comes from an authority (ACME).
    pub file: Option<String>,
    /// When it ends; none while there is none.
    pub ends: Option<Timestamp>,
    /// Why the last try to get a newer one failed, and what to do.
    pub problem: Option<(String, String)>,
}

/// What the registry says of an env-pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackKnown {
    /// The env-pack.
    pub kind: Descriptor,
    /// The slot it fills; none when nobody knows it.
    pub slot: Option<Slot>,
    /// Whether its version is supported.
    pub supported: bool,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The environment is not sound.
    Error,
    /// Somebody should look at it.
    Warning,
}

/// Something that is not as it should be, and the command that mends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub message: String,
    /// What to type.
    pub mend: String,
}

/// Whether the records are what they should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Validated {
    /// `ok` or `failed`.
    pub status: &'static str,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// What is known of secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SecretsChecked {
    /// The secrets that some revision reads and that have no value.
    pub missing: Vec<SecretRef>,
    /// The versions that a revision pins and that are gone.
    pub lost: Vec<LostSecret>,
}

/// The result of `env doctor`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// Which environment.
    pub environment_id: EnvironmentId,
    /// Whether nothing is wrong; warnings do not count.
    pub healthy: bool,
    /// Whether the records are what they should be.
    pub validate: Validated,
    /// The slots that nothing fills; an optional one is no fault.
    pub missing_slots: Vec<Slot>,
    /// The env-packs that this program does not know.
    pub unknown_kinds: Vec<String>,
    /// The env-packs that are in another slot than theirs.
    pub slot_mismatches: Vec<String>,
    /// The env-packs in a version that this program does not support.
    pub version_skew: Vec<String>,
    /// What is known of secrets.
    pub secrets: SecretsChecked,
    /// The files in which the value of a secret stands.
    pub leaks: Vec<String>,
    /// What runs the containers of its revisions; none where there are none, or nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_engine: Option<ContainerEngine>,
    /// All that was found, with the command that mends it.
    pub findings: Vec<Finding>,
}

/// Looks at everything.
///
/// # Errors
/// `not-found` when there is no such environment; a record that cannot be read is a finding.
pub fn doctor(view: &dyn View, facts: &DoctorFacts) -> Result<Diagnosis, Fault> {
    let environment = view.environment()?;
    let id = environment.environment_id.clone();
    let (records, mut problems) = records(view)?;
    problems.extend(contradictions(&id, &records).into_iter().map(|problem| problem.message));
    let status = if problems.is_empty() { "ok" } else { "failed" };
    let mut diagnosis = Diagnosis {
        environment_id: id.clone(),
        healthy: true,
        validate: Validated { status, problems },
        missing_slots: environment.missing_slots(),
        unknown_kinds: Vec::new(),
        slot_mismatches: Vec::new(),
        version_skew: Vec::new(),
        secrets: SecretsChecked {
            missing: missing(view, &records)?,
            lost: lost(view, &records, &facts.missing_values)?,
        },
        leaks: facts.leaks.iter().map(|(file, secret)| format!("{file}: {secret}")).collect(),
        container_engine: facts.container_engine.filter(|_| has_containers(&records)),
        findings: Vec::new(),
    };
    let broken = |kind: &Descriptor| facts.broken_packs.iter().any(|(broken, ..)| broken == kind);
    for binding in environment.bindings.iter().filter(|binding| !broken(&binding.kind)) {
        let known = facts.packs.iter().find(|known| known.kind == binding.kind);
        let kind = binding.kind.to_string();
        match known.and_then(|known| Some((known.slot?, known.supported))) {
            None => diagnosis.unknown_kinds.push(kind),
            Some((slot, _)) if slot != binding.slot => diagnosis.slot_mismatches.push(kind),
            Some((_, false)) => diagnosis.version_skew.push(kind),
            Some((_, true)) => {}
        }
    }
    diagnosis.findings = [
        of_records(&diagnosis),
        of_trust(&environment, &records),
        of_lost(&id, &diagnosis.secrets.lost),
        of_engine(&id, &records, facts.engine.as_deref()),
        of_containers(&records, facts.container_engine),
        of_machine(&id, facts, newest(&records)),
        of_certificates(facts),
    ]
    .concat();
    diagnosis.healthy = diagnosis.findings.iter().all(|f| f.severity == Severity::Warning);
    Ok(diagnosis)
}

/// Every record that can be read, and why the others cannot.
fn records(view: &dyn View) -> Result<(Vec<Record>, Vec<String>), Fault> {
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    for key in view.all()? {
        match view.get(&key) {
            Ok(record) => records.extend(record),
            Err(fault) => problems.push(fault.message),
        }
    }
    Ok((records, problems))
}

/// The secrets that revisions read which serve or may serve, and that have no value.
fn missing(view: &dyn View, records: &[Record]) -> Result<Vec<SecretRef>, Fault> {
    let mut needs: Vec<SecretRef> = Vec::new();
    for record in records {
        if let Record::Revision(revision) = record
            && revision.lifecycle.lives()
        {
            needs.extend(revision.secret_refs.iter().cloned());
        }
    }
    needs.sort_unstable();
    needs.dedup();
    missing_secrets(view, &needs)
}

/// When the newest revision was made.
fn newest(records: &[Record]) -> Option<Timestamp> {
    let made = records.iter().filter_map(|record| match record {
        Record::Revision(revision) => Some(revision.created_at),
        _ => None,
    });
    made.max()
}

/// The bundles that revisions need.
#[must_use]
pub fn needed_artifacts(living: &[Revision]) -> Vec<Digest> {
    let mut digests: Vec<_> =
        living.iter().map(|revision| revision.bundle_digest.clone()).collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}
