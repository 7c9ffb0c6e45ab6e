//! `traffic unshadow`: no revision answers only to be compared any longer.

use deploy_spec::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shadow::{ShadowOutcome, change};
use crate::draft::Draft;
use crate::handle::{Handle, resolve_deployment};
use crate::mechanism::Verb;

/// `traffic unshadow`.
pub struct Unshadow;

/// The answers of `traffic unshadow`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnshadowAnswers {
    /// Whose traffic; the only deployment when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
}

impl Verb for Unshadow {
    const NOUN: &'static str = "traffic";
    const OP: &'static str = "unshadow";
    type Answers = UnshadowAnswers;
    type Facts = ();
    type Outcome = ShadowOutcome;

    fn rule(
        answers: &UnshadowAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<ShadowOutcome, Fault> {
        let record = resolve_deployment(draft.view(), answers.deployment_id.as_ref())?;
        draft.target(record.deployment.deployment_id, Some(record.deployment.generation))?;
        change(None, record, draft)
    }
}
