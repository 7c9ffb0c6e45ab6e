//! `env init`: makes `local`, or heals what is missing of it, and never touches what was chosen.

use deploy_spec::environment::EnvironmentSchema;
use deploy_spec::{Environment, EnvironmentId, Fault, HostConfig, Slot, TrustedKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::bindings::defaults;
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::record::Record;
use crate::view::Lookup as _;

/// `env init`.
pub struct Init;

/// The answers of `env init`: none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitAnswers {}

/// What must be known before `env init`.
#[derive(Debug, Clone, PartialEq)]
pub struct InitFacts {
    /// The key that this machine made to sign what it deploys to `local`.
    pub own_key: TrustedKey,
}

/// What `env init` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitResult {
    /// There was no such environment.
    Created,
    /// Something was missing.
    Healed,
    /// Nothing was missing.
    Untouched,
}

/// The result of `env init`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InitOutcome {
    /// What it did.
    pub outcome: InitResult,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// How many env-packs are bound.
    pub pack_count: usize,
    /// The environment's generation.
    pub generation: u64,
    /// The slots that got their default binding just now.
    pub healed_slots: Vec<Slot>,
}

impl Verb for Init {
    const NOUN: &'static str = "env";
    const OP: &'static str = "init";
    type Answers = InitAnswers;
    type Facts = InitFacts;
    type Outcome = InitOutcome;

    fn rule(
        _: &InitAnswers,
        facts: &InitFacts,
        draft: &mut Draft<'_>,
    ) -> Result<InitOutcome, Fault> {
        let id = draft.view().environment_id().clone();
        if !id.is_local() {
            return Err(Fault::invalid("`env init` makes `local` and no other environment")
                .at("/environment_id")
                .hint(format!("gtc op env create {id}")));
        }
        let found = draft.view().find_environment()?;
        draft.target(&id, found.as_ref().map(|environment| environment.generation))?;
        let created = found.is_none();
        let mut environment = found.unwrap_or_else(|| empty(&id, "Local", draft));
        let missing = defaults(|slot| environment.binding(slot).is_none())?;
        let healed_slots: Vec<Slot> =
            if created { Vec::new() } else { missing.iter().map(|binding| binding.slot).collect() };
        let own = &facts.own_key.key_id;
        let known = environment.trust_root.iter().any(|key| key.key_id == *own);
        let untouched = !created && missing.is_empty() && known;
        missing.into_iter().for_each(|binding| environment.bind(binding));
        if !known {
            environment.trust_root.push(facts.own_key.clone());
        }
        let outcome = match (created, untouched) {
            (true, _) => InitResult::Created,
            (_, true) => InitResult::Untouched,
            _ => InitResult::Healed,
        };
        if outcome == InitResult::Healed {
            environment.generation += 1;
        }
        let result = InitOutcome {
            outcome,
            environment_id: id,
            pack_count: environment.bindings.len(),
            generation: environment.generation,
            healed_slots,
        };
        if outcome != InitResult::Untouched {
            draft.becomes(environment.generation);
            draft.put(Record::Environment(environment));
        }
        Ok(result)
    }
}

pub(super) fn empty(id: &EnvironmentId, name: &str, draft: &Draft<'_>) -> Environment {
    Environment {
        schema: EnvironmentSchema,
        environment_id: id.clone(),
        name: name.to_owned(),
        host_config: HostConfig::default(),
        bindings: Vec::new(),
        removed_bindings: Vec::new(),
        config: Map::new(),
        trust_root: Vec::new(),
        trust_threshold: 1,
        revoked_bundles: Vec::new(),
        credentials_ref: None,
        generation: 0,
        created_at: draft.now(),
    }
}
