//! `revisions retry`: stages a revision once more, so that its gate can run again: one that failed,
//! or one that was drained and is wanted back.

use deploy_spec::{Fault, Lifecycle};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::moves::{MoveOutcome, name, put_moved, wrong_state};
use crate::draft::Draft;
use crate::handle::{Handle, resolve_revision};
use crate::mechanism::Verb;

/// `revisions retry`.
pub struct Retry;

/// The answers of `revisions retry`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryAnswers {
    /// Whose revision; needed only where `revision_id` could be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
    /// Which revision.
    pub revision_id: Handle,
}

impl Verb for Retry {
    const NOUN: &'static str = "revisions";
    const OP: &'static str = "retry";
    type Answers = RetryAnswers;
    type Facts = ();
    type Outcome = MoveOutcome;

    fn rule(answers: &RetryAnswers, (): &(), draft: &mut Draft<'_>) -> Result<MoveOutcome, Fault> {
        let (_, mut revision) =
            resolve_revision(draft.view(), answers.deployment_id.as_ref(), &answers.revision_id)?;
        draft.target(revision.revision_id, Some(revision.generation))?;
        let hint = match revision.lifecycle {
            Lifecycle::Failed | Lifecycle::Inactive => {
                revision.gate.clear();
                revision.staged_at = draft.now();
                return put_moved(revision, &[Lifecycle::Staged], draft);
            }
            Lifecycle::Staged => return Ok(MoveOutcome::of(&revision)),
            Lifecycle::Ready => {
                let of = revision.deployment_id;
                format!("gtc op traffic set --deployment {of} r{}=100", revision.sequence)
            }
            Lifecycle::Draining => {
                format!("wait until it is inactive: gtc op revisions show {}", name(&revision))
            }
            Lifecycle::Warming => format!("gtc op revisions warm {}", name(&revision)),
            Lifecycle::Archived => {
                format!("gtc op revisions stage {}", revision.bundle_digest)
            }
        };
        Err(wrong_state(&revision, "only a failed or inactive revision is staged again", hint))
    }
}
