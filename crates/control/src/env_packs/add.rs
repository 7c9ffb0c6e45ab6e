//! `env-packs add`: fills an empty slot.

use deploy_spec::{Descriptor, EnvPackBinding, Fault, Kind, PackRef, Slot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BindingOutcome, PackFacts, check_pinned, commit, outcome, registry_agrees, target};
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::view::Lookup as _;

/// `env-packs add`.
pub struct Add;

/// The answers of `env-packs add`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddAnswers {
    /// The slot to fill.
    pub slot: Slot,
    /// Which env-pack, in which version.
    pub kind: Descriptor,
    /// Where its code comes from; part of this program when absent.
    #[serde(default = "builtin")]
    pub pack_ref: PackRef,
    /// What its wizard was answered; never a secret.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub answers: Map<String, Value>,
}

const fn builtin() -> PackRef {
    PackRef::Builtin
}

impl Verb for Add {
    const NOUN: &'static str = "env-packs";
    const OP: &'static str = "add";
    type Answers = AddAnswers;
    type Facts = PackFacts;
    type Outcome = BindingOutcome;

    fn rule(
        answers: &AddAnswers,
        facts: &PackFacts,
        draft: &mut Draft<'_>,
    ) -> Result<BindingOutcome, Fault> {
        let slot = answers.slot;
        let mut environment = draft.view().environment()?;
        target(draft, &environment, slot)?;
        if let Some(bound) = environment.binding(slot) {
            return Err(Fault::conflict(format!("slot `{slot}` is bound to `{}`", bound.kind))
                .hint(format!("gtc op env-packs update {slot}"))
                .at("/slot"));
        }
        check_pinned(slot, &answers.pack_ref, facts)?;
        registry_agrees(&environment, slot, facts, Kind::InvalidInput)?;
        environment.bind(EnvPackBinding {
            slot,
            kind: answers.kind.clone(),
            pack_ref: facts.pack_ref.clone(),
            digest: facts.digest.clone(),
            answers: answers.answers.clone(),
            generation: 0,
            previous: None,
        });
        let outcome = outcome(&environment, slot)?;
        commit(draft, environment, slot);
        Ok(outcome)
    }
}
