//! `env-packs rollback`: puts back what a slot was bound to before it was updated or emptied. A
//! second rollback of an update takes back the first.

use deploy_spec::{EnvPackBinding, Environment, Fault, Kind, Slot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    BindingOutcome, PackFacts, check_pinned, commit, outcome, registry_agrees, secrets_stay, target,
};
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::view::{Lookup as _, View};

/// `env-packs rollback`.
pub struct Rollback;

/// The answers of `env-packs rollback`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackAnswers {
    /// The slot.
    pub slot: Slot,
}

/// What a rollback of `slot` would bind, for asking the registry about it.
///
/// # Errors
/// `refused` when there is nothing to put back; otherwise as [`View::get`].
pub fn rollback_subject(view: &dyn View, slot: Slot) -> Result<EnvPackBinding, Fault> {
    wanted(&view.environment()?, slot)
}

fn wanted(environment: &Environment, slot: Slot) -> Result<EnvPackBinding, Fault> {
    let nothing = || {
        Fault::refused(format!("there is no binding before this one for slot `{slot}`"))
            .hint("gtc op env-packs list")
    };
    environment.rollback_of(slot).cloned().ok_or_else(nothing)
}

impl Verb for Rollback {
    const NOUN: &'static str = "env-packs";
    const OP: &'static str = "rollback";
    type Answers = RollbackAnswers;
    /// About the binding that comes back: this program may no longer handle it.
    type Facts = PackFacts;
    type Outcome = BindingOutcome;

    fn rule(
        answers: &RollbackAnswers,
        facts: &PackFacts,
        draft: &mut Draft<'_>,
    ) -> Result<BindingOutcome, Fault> {
        let slot = answers.slot;
        let mut environment = draft.view().environment()?;
        target(draft, &environment, slot)?;
        let back = wanted(&environment, slot)?;
        check_pinned(slot, &back.pack_ref, facts)?;
        registry_agrees(&environment, slot, facts, Kind::Refused)?;
        if facts.digest != back.digest {
            let why = format!("`{}` is not the code any more that slot `{slot}` ran", back.kind);
            return Err(Fault::refused(why).hint(format!("gtc op env-packs update {slot}")));
        }
        secrets_stay(draft.view(), &environment, slot, Some(&back.kind))?;
        environment.roll_back(slot);
        let outcome = outcome(&environment, slot)?;
        commit(draft, environment, slot);
        Ok(outcome)
    }
}
