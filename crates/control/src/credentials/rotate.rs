//! `credentials rotate`: new credentials take the place of those that there are; always a new
//! version.

use deploy_spec::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CredentialFacts, CredentialsOutcome, accept, none_yet, target};
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::secrets::SameValue;

/// `credentials rotate`.
pub struct Rotate;

/// The answers of `credentials rotate`; the credentials are not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateAnswers {
    /// A keyed hash of the credentials, filled in by the command: the same idempotency key with
    /// others is a conflict by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

impl Verb for Rotate {
    const NOUN: &'static str = "credentials";
    const OP: &'static str = "rotate";
    type Answers = RotateAnswers;
    type Facts = CredentialFacts;
    type Outcome = CredentialsOutcome;

    fn rule(
        answers: &RotateAnswers,
        facts: &CredentialFacts,
        draft: &mut Draft<'_>,
    ) -> Result<CredentialsOutcome, Fault> {
        let found = target(draft)?;
        let found = found.ok_or_else(|| none_yet(draft.view().environment_id()))?;
        accept(draft, Some(found), answers.fingerprint.as_ref(), facts, SameValue::Counts)
    }
}
