//! `env create`: a new environment with the default env-packs, trusting nobody yet.

use deploy_spec::{EnvironmentId, Fault, HostConfig, TrustedKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bindings::defaults;
use super::init::empty;
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::record::Record;
use crate::view::Lookup as _;

/// `env create`.
pub struct Create;

/// The answers of `env create`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAnswers {
    /// What people call it; its id when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub name: Option<String>,
    /// What its data plane tells the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_config: Option<HostConfig>,
    /// Whose signatures on bundles it accepts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust_root: Vec<TrustedKey>,
}

/// The result of `env create`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CreateOutcome {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// What people call it.
    pub name: String,
    /// How many env-packs are bound.
    pub pack_count: usize,
    /// The environment's generation.
    pub generation: u64,
}

impl Verb for Create {
    const NOUN: &'static str = "env";
    const OP: &'static str = "create";
    type Answers = CreateAnswers;
    type Facts = ();
    type Outcome = CreateOutcome;

    fn rule(
        answers: &CreateAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<CreateOutcome, Fault> {
        let id = draft.view().environment_id().clone();
        let found = draft.view().find_environment()?;
        draft.target(&id, found.as_ref().map(|environment| environment.generation))?;
        if let Some(found) = found {
            return Err(Fault::conflict(format!(
                "environment `{id}` exists since {}",
                found.created_at
            ))
            .hint(format!("gtc op env show {id}")));
        }
        let name = answers.name.clone().unwrap_or_else(|| id.to_string());
        check_name(&name)?;
        let mut environment = empty(&id, &name, draft);
        environment.host_config = answers.host_config.clone().unwrap_or_default();
        environment.trust_root.clone_from(&answers.trust_root);
        environment.bindings = defaults(|_| true)?;
        let outcome = CreateOutcome {
            environment_id: id,
            name,
            pack_count: environment.bindings.len(),
            generation: environment.generation,
        };
        draft.becomes(environment.generation);
        draft.put(Record::Environment(environment));
        Ok(outcome)
    }
}

/// That people can read a name.
pub(super) fn check_name(name: &str) -> Result<(), Fault> {
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(
            Fault::invalid("a name has 1 to 200 characters and no control characters").at("/name")
        );
    }
    Ok(())
}
