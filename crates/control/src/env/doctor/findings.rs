//! What each finding means, and the command that mends it.

use deploy_spec::{Environment, EnvironmentId, Revision, Timestamp};

use super::{Diagnosis, DoctorFacts, Finding, Severity};
use crate::record::Record;

/// How far the newest record may lie in the future before a clock is wrong, in seconds.
const CLOCK_SLACK_S: i64 = 300;
/// Less free space than this is a finding, in bytes.
const FREE_BYTES_MIN: u64 = 64 * 1024 * 1024;

pub(super) fn of_records(diagnosis: &Diagnosis) -> Vec<Finding> {
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

/// What was revoked and serves, or could.
pub(super) fn of_trust(environment: &Environment, records: &[Record]) -> Vec<Finding> {
    let id = &environment.environment_id;
    let weight = |revision: &Revision| {
        records.iter().find_map(|record| match record {
            Record::Deployment(record)
                if record.deployment.deployment_id == revision.deployment_id =>
            {
                Some(record.split.as_ref()?.weight_of(revision.revision_id))
            }
            _ => None,
        })
    };
    let mut findings = Vec::new();
    for record in records {
        let Record::Revision(revision) = record else { continue };
        if !revision.lifecycle.serves() {
            continue;
        }
        let Some(why) = environment.distrusts(revision) else { continue };
        let (deployment, sequence) = (revision.deployment_id, revision.sequence);
        let name = format!("{deployment}/r{sequence}");
        let (severity, serves, mend) = match weight(revision) {
            Some(weight) if weight > 0 => {
                let mend = format!("gtc op traffic rollback {id} --deployment {deployment}");
                (Severity::Error, "serves", mend)
            }
            _ => (Severity::Warning, "is ready", format!("gtc op revisions archive {id} {name}")),
        };
        let bundle = &revision.bundle_id;
        let message = format!("{bundle}/r{sequence} {serves}, and {why}");
        findings.push(Finding { check: "trust", severity, message, mend });
    }
    findings
}

pub(super) fn of_machine(
    id: &EnvironmentId,
    facts: &DoctorFacts,
    newest: Option<Timestamp>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |check, severity, message: String, mend: String| {
        findings.push(Finding { check, severity, message, mend });
    };
    for (kind, why, mend) in &facts.broken_packs {
        add("env-packs", Severity::Error, format!("`{kind}` cannot be used: {why}"), mend.clone());
    }
    for (digest, found) in &facts.bundle_findings {
        let mend = format!("gtc bundle scan artifacts/sha256/{}", digest.hex());
        let message =
            format!("a bundle that revisions need holds what looks like a secret: {found}");
        add("bundles", Severity::Warning, message, mend);
    }
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
