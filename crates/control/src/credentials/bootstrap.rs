//! `credentials bootstrap`: the deployer's env-pack makes the first credentials itself, where it
//! can.

use deploy_spec::{Environment, Fault, Slot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CredentialFacts, CredentialsOutcome, accept, target};
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::secrets::SameValue;
use crate::view::Lookup as _;

/// `credentials bootstrap`.
pub struct Bootstrap;

/// The answers of `credentials bootstrap`: none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BootstrapAnswers {}

/// What the env-pack made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BootstrapFacts {
    /// Nothing: it has no way to make credentials.
    NotOffered,
    /// These credentials.
    Made(CredentialFacts),
}

impl Verb for Bootstrap {
    const NOUN: &'static str = "credentials";
    const OP: &'static str = "bootstrap";
    type Answers = BootstrapAnswers;
    type Facts = BootstrapFacts;
    type Outcome = CredentialsOutcome;

    fn rule(
        _: &BootstrapAnswers,
        facts: &BootstrapFacts,
        draft: &mut Draft<'_>,
    ) -> Result<CredentialsOutcome, Fault> {
        let found = target(draft)?;
        let BootstrapFacts::Made(made) = facts else {
            return Err(not_offered(&draft.view().environment()?));
        };
        if found.is_some() {
            let id = draft.view().environment_id();
            let why = format!("environment `{id}` already has deploy credentials");
            return Err(Fault::conflict(why).hint("gtc op credentials rotate"));
        }
        accept(draft, None, None, made, SameValue::Counts)
    }
}

fn not_offered(environment: &Environment) -> Fault {
    let Some(bound) = environment.binding(Slot::Deployer) else {
        let why = format!("nothing is bound to slot `{}`", Slot::Deployer);
        return Fault::refused(why).hint(format!("gtc op env-packs add {}", Slot::Deployer));
    };
    let why = format!("`{}` has no way to make credentials by itself", bound.kind);
    Fault::refused(why).hint("gtc op credentials requirements shows whether it needs any")
}
