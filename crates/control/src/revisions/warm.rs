//! `revisions warm`: takes in what the gate said. `ready` is a proof, never a label (law 4).
//!
//! The gate itself runs outside, in the process that will serve the revision; nothing is stored
//! before it ends, so a crash leaves the revision staged.

use deploy_spec::{
    CheckStatus, DeploymentId, Fault, GateCheck, Lifecycle, Pinned, Revision, RevisionId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::draft::Draft;
use crate::handle::{Handle, resolve_revision};
use crate::mechanism::Verb;
use crate::record::Record;
use crate::secrets::{pinned_version, stage_again};
use crate::view::View;

/// `revisions warm`.
pub struct Warm;

/// The answers of `revisions warm`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarmAnswers {
    /// Whose revision; needed only where `revision_id` could be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
    /// Which revision.
    pub revision_id: Handle,
}

/// The result of `revisions warm`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WarmOutcome {
    /// Whose revision.
    pub deployment_id: DeploymentId,
    /// The revision.
    pub revision_id: RevisionId,
    /// `ready`.
    pub lifecycle: Lifecycle,
    /// What `r1` means.
    pub sequence: u64,
    /// What each check said.
    pub gate: Vec<GateCheck>,
}

/// What the gate said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GateReport {
    /// Its checks, in order; nothing for a revision that is ready.
    pub checks: Vec<GateCheck>,
    /// What it said it with.
    pub pinned: Pinned,
}

/// The revision that `answers` mean, if its gate may run; one that is already ready needs none.
///
/// # Errors
/// `refused` when the revision is neither staged nor ready; otherwise as [`resolve_revision`].
pub fn subject(view: &dyn View, answers: &WarmAnswers) -> Result<Revision, Fault> {
    let (_, revision) =
        resolve_revision(view, answers.deployment_id.as_ref(), &answers.revision_id)?;
    match revision.lifecycle {
        Lifecycle::Staged | Lifecycle::Ready => Ok(revision),
        other => Err(Fault::refused(format!(
            "revision r{} is {other}; only a staged revision is warmed",
            revision.sequence
        ))
        .hint(match other {
            Lifecycle::Failed | Lifecycle::Inactive => {
                format!("gtc op revisions retry {}/r{}", revision.deployment_id, revision.sequence)
            }
            _ => "gtc op revisions stage".into(),
        })
        .detail("lifecycle", other.name())),
    }
}

impl Verb for Warm {
    const NOUN: &'static str = "revisions";
    const OP: &'static str = "warm";
    type Answers = WarmAnswers;
    type Facts = GateReport;
    type Outcome = WarmOutcome;

    fn rule(
        answers: &WarmAnswers,
        report: &GateReport,
        draft: &mut Draft<'_>,
    ) -> Result<WarmOutcome, Fault> {
        let mut revision = subject(draft.view(), answers)?;
        draft.target(revision.revision_id, Some(revision.generation))?;
        if revision.lifecycle == Lifecycle::Ready {
            return Ok(outcome(revision));
        }
        let gate = &report.checks;
        let green = !gate.is_empty() && gate.iter().all(|check| check.status == CheckStatus::Pass);
        let end = if green { Lifecycle::Ready } else { Lifecycle::Failed };
        let walked = revision.lifecycle.to(Lifecycle::Warming).and_then(|warming| warming.to(end));
        revision.lifecycle = walked.map_err(|edge| Fault::internal(edge.to_string()))?;
        revision.gate.clone_from(gate);
        revision.generation += 1;
        if green {
            revision.warmed_at = Some(draft.now());
            revision.pinned = Some(pin(&revision, report, draft.view())?);
        } else {
            draft.answer_with(no(&revision));
        }
        draft.becomes(revision.generation);
        draft.put(Record::Revision(revision.clone()));
        Ok(outcome(revision))
    }
}

/// Pins what the gate was green with. A secret that was pinned before stays so: the gate was given
/// that version again.
fn pin(revision: &Revision, report: &GateReport, view: &dyn View) -> Result<Pinned, Fault> {
    let before = revision.pinned.as_ref();
    let secrets = before.map_or(&report.pinned.secrets, |pinned| &pinned.secrets).clone();
    for pin in &secrets {
        if pinned_version(view, pin)?.is_none() {
            let (path, version) = (pin.secret.path(), pin.version);
            let why = format!("version {version} of `{path}` went while the gate was asked");
            return Err(Fault::conflict(why).hint(stage_again(view.environment_id(), revision)));
        }
    }
    Ok(Pinned { engine: report.pinned.engine.clone(), secrets })
}

fn outcome(revision: Revision) -> WarmOutcome {
    WarmOutcome {
        deployment_id: revision.deployment_id,
        revision_id: revision.revision_id,
        lifecycle: revision.lifecycle,
        sequence: revision.sequence,
        gate: revision.gate,
    }
}

fn no(revision: &Revision) -> Fault {
    let failed = revision.gate.iter().find(|check| check.status == CheckStatus::Fail);
    let why = failed.map_or_else(
        || "no check was made".to_owned(),
        |check| format!("{}: {}", check.check, check.detail),
    );
    Fault::unhealthy(format!("revision r{} is not ready: {why}", revision.sequence))
        .hint("mend the bundle, then `gtc op revisions stage` it again")
        .detail("revision_id", revision.revision_id.to_string())
        .detail("lifecycle", revision.lifecycle.name())
        .detail("gate", json!(revision.gate))
}
