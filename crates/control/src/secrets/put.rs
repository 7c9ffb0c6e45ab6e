//! `secrets put`: a secret has this value now. The value it already has is no change.

use deploy_spec::{Fault, SecretPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SameValue, SealedValue, SecretOutcome, keep, no_credentials, same_value, target};
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::view::Lookup as _;

/// `secrets put`.
pub struct Put;

/// The answers of `secrets put`; the value is not among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutAnswers {
    /// Its name within the environment.
    pub path: SecretPath,
    /// A keyed hash of the value, filled in by the command: the same idempotency key with another
    /// value is a conflict by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

impl Verb for Put {
    const NOUN: &'static str = "secrets";
    const OP: &'static str = "put";
    type Answers = PutAnswers;
    type Facts = SealedValue;
    type Outcome = SecretOutcome;

    fn rule(
        answers: &PutAnswers,
        sealed: &SealedValue,
        draft: &mut Draft<'_>,
    ) -> Result<SecretOutcome, Fault> {
        draft.view().environment()?;
        let found = draft.view().secret(&answers.path)?;
        target(draft, &answers.path, found.as_ref())?;
        no_credentials(&answers.path)?;
        same_value(answers.fingerprint.as_ref(), sealed)?;
        keep(draft, &answers.path, found, sealed, SameValue::Stays)
    }
}
