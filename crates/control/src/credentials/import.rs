//! `credentials import`: the environment signs in with these from now on. Those that it already has
//! are no change.

use deploy_spec::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CredentialFacts, CredentialsOutcome, accept, target};
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::secrets::SameValue;

/// `credentials import`.
pub struct Import;

/// The answers of `credentials import`; the credentials are not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportAnswers {
    /// A keyed hash of the credentials, filled in by the command: the same idempotency key with
    /// others is a conflict by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

impl Verb for Import {
    const NOUN: &'static str = "credentials";
    const OP: &'static str = "import";
    type Answers = ImportAnswers;
    type Facts = CredentialFacts;
    type Outcome = CredentialsOutcome;

    fn rule(
        answers: &ImportAnswers,
        facts: &CredentialFacts,
        draft: &mut Draft<'_>,
    ) -> Result<CredentialsOutcome, Fault> {
        let found = target(draft)?;
        accept(draft, found, answers.fingerprint.as_ref(), facts, SameValue::Stays)
    }
}
