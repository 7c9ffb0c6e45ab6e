//! `revisions drain`: takes a revision out of service. It takes no new sessions, what is in flight
//! finishes, and then it is inactive.

use deploy_spec::{Fault, Lifecycle};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::moves::{MoveOutcome, must_not_serve, name, put_moved, wrong_state};
use crate::draft::Draft;
use crate::handle::{Handle, resolve_revision};
use crate::mechanism::Verb;

/// `revisions drain`.
pub struct Drain;

/// The answers of `revisions drain`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainAnswers {
    /// Whose revision; needed only where `revision_id` could be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
    /// Which revision.
    pub revision_id: Handle,
}

/// What must be known before `revisions drain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainFacts {
    /// Whether a data plane serves the environment. Where none does, nothing is in flight, and the
    /// revision is inactive at once.
    pub served: bool,
}

impl Verb for Drain {
    const NOUN: &'static str = "revisions";
    const OP: &'static str = "drain";
    type Answers = DrainAnswers;
    type Facts = DrainFacts;
    type Outcome = MoveOutcome;

    fn rule(
        answers: &DrainAnswers,
        facts: &DrainFacts,
        draft: &mut Draft<'_>,
    ) -> Result<MoveOutcome, Fault> {
        let (record, revision) =
            resolve_revision(draft.view(), answers.deployment_id.as_ref(), &answers.revision_id)?;
        draft.target(revision.revision_id, Some(revision.generation))?;
        let path: &[Lifecycle] = match (revision.lifecycle, facts.served) {
            (Lifecycle::Ready, true) => &[Lifecycle::Draining],
            (Lifecycle::Ready, false) => &[Lifecycle::Draining, Lifecycle::Inactive],
            (Lifecycle::Draining, false) => &[Lifecycle::Inactive],
            (Lifecycle::Draining, true) | (Lifecycle::Inactive, _) => {
                return Ok(MoveOutcome::of(&revision));
            }
            (Lifecycle::Archived, _) => {
                let hint = format!("gtc op revisions list --deployment {}", revision.deployment_id);
                return Err(wrong_state(&revision, "only a ready revision is drained", hint));
            }
            _ => {
                let hint = format!("gtc op revisions archive {}", name(&revision));
                return Err(wrong_state(&revision, "only a ready revision is drained", hint));
            }
        };
        must_not_serve(draft.view(), &record, &revision)?;
        put_moved(revision, path, draft)
    }
}
