//! `revisions warm`: takes in what the gate said. `ready` is a proof, never a label (law 4).
//!
//! The gate itself runs outside, in the process that will serve the revision; nothing is stored
//! before it ends, so a crash leaves the revision staged.

use deploy_spec::{CheckStatus, DeploymentId, Fault, GateCheck, Lifecycle, Revision, RevisionId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::draft::Draft;
use crate::handle::{Handle, resolve_revision};
use crate::mechanism::Verb;
use crate::record::Record;
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
    /// What the gate said, in the order of its checks; nothing for a revision that is ready.
    type Facts = Vec<GateCheck>;
    type Outcome = WarmOutcome;

    fn rule(
        answers: &WarmAnswers,
        gate: &Vec<GateCheck>,
        draft: &mut Draft<'_>,
    ) -> Result<WarmOutcome, Fault> {
        let mut revision = subject(draft.view(), answers)?;
        draft.target(revision.revision_id, Some(revision.generation))?;
        if revision.lifecycle == Lifecycle::Ready {
            return Ok(outcome(revision));
        }
        let green = !gate.is_empty() && gate.iter().all(|check| check.status == CheckStatus::Pass);
        let end = if green { Lifecycle::Ready } else { Lifecycle::Failed };
        let walked = revision.lifecycle.to(Lifecycle::Warming).and_then(|warming| warming.to(end));
        revision.lifecycle = walked.map_err(|edge| Fault::internal(edge.to_string()))?;
        revision.gate.clone_from(gate);
        revision.generation += 1;
        if green {
            revision.warmed_at = Some(draft.now());
        } else {
            draft.answer_with(no(&revision));
        }
        draft.becomes(revision.generation);
        draft.put(Record::Revision(revision.clone()));
        Ok(outcome(revision))
    }
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
