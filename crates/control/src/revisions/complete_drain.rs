//! `revisions complete-drain`: what a data plane commits when nothing of a draining revision is in
//! flight any more, or its drain time is over.

use deploy_spec::{Drained, Fault, Lifecycle};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::moves::{MoveOutcome, name, put_moved, wrong_state};
use crate::draft::Draft;
use crate::handle::{Handle, resolve_revision};
use crate::mechanism::Verb;

/// `revisions complete-drain`.
pub struct CompleteDrain;

/// The answers of `revisions complete-drain`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteDrainAnswers {
    /// Whose revision; needed only where `revision_id` could be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
    /// Which revision.
    pub revision_id: Handle,
}

impl Verb for CompleteDrain {
    const NOUN: &'static str = "revisions";
    const OP: &'static str = "complete-drain";
    type Answers = CompleteDrainAnswers;
    type Facts = Option<Drained>;
    type Outcome = MoveOutcome;

    fn rule(
        answers: &CompleteDrainAnswers,
        drained: &Option<Drained>,
        draft: &mut Draft<'_>,
    ) -> Result<MoveOutcome, Fault> {
        let (_, mut revision) =
            resolve_revision(draft.view(), answers.deployment_id.as_ref(), &answers.revision_id)?;
        draft.target(revision.revision_id, Some(revision.generation))?;
        let hint = match revision.lifecycle {
            Lifecycle::Draining => {
                revision.drained = *drained;
                return put_moved(revision, &[Lifecycle::Inactive], draft);
            }
            Lifecycle::Inactive => return Ok(MoveOutcome::of(&revision)),
            Lifecycle::Ready => format!("gtc op revisions drain {}", name(&revision)),
            _ => format!("gtc op revisions list --deployment {}", revision.deployment_id),
        };
        Err(wrong_state(&revision, "only a draining revision ends its drain", hint))
    }
}
