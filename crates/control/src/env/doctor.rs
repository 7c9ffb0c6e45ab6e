//! `env doctor`: whether an environment is sound, and what to type where it is not.
//!
//! What takes more than records to know comes in as [`DoctorFacts`]; what it means is decided here.

use deploy_spec::{
    Digest, EnvironmentId, Fault, Lifecycle, PackRef, Revision, SecretRef, Slot, Timestamp,
};
use serde::Serialize;

use super::bindings::known_slot;
use crate::backups::contradictions;
use crate::record::{Key, Record};
use crate::secrets::missing_secrets;
use crate::view::{Lookup as _, View};

/// How far the newest record may lie in the future before a clock is wrong, in seconds.
const CLOCK_SLACK_S: i64 = 300;
/// Less free space than this is a finding, in bytes.
const FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// What must be found out for `env doctor`.
#[derive(Debug, Clone, Default)]
pub struct DoctorFacts {
    /// What time it is.
    pub now: Timestamp,
    /// Files that others can use or own: path, what was found, what is wanted.
    pub permissions: Vec<(String, String, String)>,
    /// Files among the records that are no records.
    pub strays: Vec<String>,
    /// What is wrong with the audit log.
    pub audit: Vec<String>,
    /// The bundles that are not there, of those that revisions need.
    pub missing_artifacts: Vec<Digest>,
    /// The files in which the value of a secret stands: file, secret.
    pub leaks: Vec<(String, String)>,
    /// How much space is left, in bytes; none when nobody knows.
    pub free_bytes: Option<u64>,
    /// Why a running data plane does not serve the newest state.
    pub data_plane: Option<String>,
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
        secrets: SecretsChecked { missing: missing(view, &records)? },
        leaks: facts.leaks.iter().map(|(file, secret)| format!("{file}: {secret}")).collect(),
        findings: Vec::new(),
    };
    for binding in environment.bindings.iter().filter(|b| b.pack_ref == PackRef::Builtin) {
        let kind = binding.kind.to_string();
        match known_slot(&binding.kind) {
            None => diagnosis.unknown_kinds.push(kind),
            Some((slot, _)) if slot != binding.slot => diagnosis.slot_mismatches.push(kind),
            Some((_, supported)) if !supported => diagnosis.version_skew.push(kind),
            Some(_) => {}
        }
    }
    diagnosis.findings =
        [of_records(&diagnosis), of_machine(&id, facts, newest(&records))].concat();
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
            && lives(revision)
        {
            needs.extend(revision.secret_refs.iter().cloned());
        }
    }
    needs.sort_unstable();
    needs.dedup();
    missing_secrets(view, &needs)
}

const fn lives(revision: &Revision) -> bool {
    matches!(revision.lifecycle, Lifecycle::Staged | Lifecycle::Ready | Lifecycle::Draining)
}

/// When the newest revision was made.
fn newest(records: &[Record]) -> Option<Timestamp> {
    let made = records.iter().filter_map(|record| match record {
        Record::Revision(revision) => Some(revision.created_at),
        _ => None,
    });
    made.max()
}

fn of_records(diagnosis: &Diagnosis) -> Vec<Finding> {
    let id = &diagnosis.environment_id;
    let error = |check, message: String, mend: String| Finding {
        check,
        severity: Severity::Error,
        message,
        mend,
    };
    let mut findings = Vec::new();
    for problem in &diagnosis.validate.problems {
        let mend = format!("gtc op backups list {id}");
        findings.push(error("records", problem.clone(), mend));
    }
    for slot in diagnosis.missing_slots.iter().filter(|slot| !slot.is_optional()) {
        let mend = if id.is_local() { "gtc op env init" } else { "gtc op env-packs add" };
        findings.push(error("slots", format!("nothing fills slot `{slot}`"), mend.into()));
    }
    let kinds = [
        (&diagnosis.unknown_kinds, "is no env-pack that this gtc knows"),
        (&diagnosis.slot_mismatches, "fills another slot than the one it is in"),
        (&diagnosis.version_skew, "has a version that this gtc does not support"),
    ];
    for (found, what) in kinds {
        for kind in found {
            let mend = format!("gtc op env-packs list {id}");
            findings.push(error("env-packs", format!("`{kind}` {what}"), mend));
        }
    }
    for secret in &diagnosis.secrets.missing {
        let message = format!("`{secret}` has no value");
        let mend = format!("gtc op secrets put {id} {}", secret.path());
        findings.push(Finding { check: "secrets", severity: Severity::Warning, message, mend });
    }
    findings
}

fn of_machine(id: &EnvironmentId, facts: &DoctorFacts, newest: Option<Timestamp>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |check, severity, message: String, mend: String| {
        findings.push(Finding { check, severity, message, mend });
    };
    for (path, found, wanted) in &facts.permissions {
        let mend = match wanted.strip_prefix("owner ") {
            Some(owner) => format!("chown {owner} {path}"),
            None => format!("chmod {wanted} {path}"),
        };
        add("permissions", Severity::Error, format!("`{path}` is {found}, not {wanted}"), mend);
    }
    for path in &facts.strays {
        let message = format!("`{path}` is no record and is not read");
        add("strays", Severity::Warning, message, format!("rm {path}"));
    }
    for problem in &facts.audit {
        let mend = format!("gtc op audit verify {id}");
        add("audit", Severity::Error, problem.clone(), mend);
    }
    for digest in &facts.missing_artifacts {
        let message = format!("bundle {digest} is gone, and a revision needs it");
        add("artifacts", Severity::Error, message, "gtc op revisions stage FILE".into());
    }
    for (file, secret) in &facts.leaks {
        let message = format!("the value of `{secret}` stands in `{file}`");
        let mend = format!("remove it there, then gtc op secrets rotate {id} {secret}");
        add("leaks", Severity::Error, message, mend);
    }
    if let Some(free) = facts.free_bytes.filter(|free| *free < FREE_BYTES_MIN) {
        let mend = format!("gtc op revisions prune {id}");
        add("disk", Severity::Error, format!("only {free} bytes are free"), mend);
    }
    if let Some(newest) = newest.filter(|t| t.as_second() > facts.now.as_second() + CLOCK_SLACK_S) {
        let message = format!("a revision is from the future: {newest}");
        add("clock", Severity::Warning, message, "timedatectl status".into());
    }
    if let Some(problem) = &facts.data_plane {
        let message = format!("the data plane does not serve the newest state: {problem}");
        add("data-plane", Severity::Error, message, format!("gtc status {id}"));
    }
    findings
}

/// The bundles that the environment's revisions need, archived ones left out.
///
/// # Errors
/// When the records cannot be listed.
pub fn needed_artifacts(view: &dyn View) -> Result<Vec<Digest>, Fault> {
    let mut digests = Vec::new();
    for key in view.all()? {
        let Key::Revision(..) = key else { continue };
        if let Ok(Some(Record::Revision(revision))) = view.get(&key)
            && lives(&revision)
        {
            digests.push(revision.bundle_digest);
        }
    }
    digests.sort_unstable();
    digests.dedup();
    Ok(digests)
}
