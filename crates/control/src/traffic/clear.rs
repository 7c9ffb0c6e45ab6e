//! `traffic clear`: takes a deployment off the air; it answers 503 until traffic is set again.

use deploy_spec::{Fault, SplitOp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SplitOutcome, replace, target, undo_point};
use crate::draft::Draft;
use crate::handle::{Handle, resolve_deployment};
use crate::mechanism::Verb;

/// `traffic clear`.
pub struct Clear;

/// The answers of `traffic clear`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClearAnswers {
    /// Whose split; the only deployment when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
}

impl Verb for Clear {
    const NOUN: &'static str = "traffic";
    const OP: &'static str = "clear";
    type Answers = ClearAnswers;
    type Facts = ();
    type Outcome = SplitOutcome;

    fn rule(answers: &ClearAnswers, (): &(), draft: &mut Draft<'_>) -> Result<SplitOutcome, Fault> {
        let record = resolve_deployment(draft.view(), answers.deployment_id.as_ref())?;
        target(draft, &record)?;
        let Some(split) = &record.split else {
            return Err(Fault::refused(format!(
                "deployment {} never took traffic",
                record.deployment.deployment_id
            )));
        };
        if split.allocation.is_none() {
            return SplitOutcome::of(draft.view(), split);
        }
        let previous = undo_point(record.split.as_ref());
        replace(draft, record, SplitOp::Clear, None, previous)
    }
}
