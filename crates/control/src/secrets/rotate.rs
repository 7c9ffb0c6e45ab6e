//! `secrets rotate`: a secret that there is gets a new version, always, also for an equal value:
//! that it was rotated is itself something to know. The versions before stay listed.

use deploy_spec::{Fault, SecretPath};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    SameValue, SealedValue, SecretOutcome, keep, no_credentials, no_secret, same_value, target,
};
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::view::Lookup as _;

/// `secrets rotate`.
pub struct Rotate;

/// The answers of `secrets rotate`; the value is not among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateAnswers {
    /// Its name within the environment.
    pub path: SecretPath,
    /// A keyed hash of the value, filled in by the command: the same idempotency key with another
    /// value is a conflict by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

impl Verb for Rotate {
    const NOUN: &'static str = "secrets";
    const OP: &'static str = "rotate";
    type Answers = RotateAnswers;
    type Facts = SealedValue;
    type Outcome = SecretOutcome;

    fn rule(
        answers: &RotateAnswers,
        sealed: &SealedValue,
        draft: &mut Draft<'_>,
    ) -> Result<SecretOutcome, Fault> {
        let view = draft.view();
        view.environment()?;
        let found = view.secret(&answers.path)?.ok_or_else(|| no_secret(view, &answers.path))?;
        target(draft, &answers.path, Some(&found))?;
        no_credentials(&answers.path)?;
        same_value(answers.fingerprint.as_ref(), sealed)?;
        keep(draft, &answers.path, Some(found), sealed, SameValue::Counts)
    }
}
