//! `env-packs update`: binds a slot to another env-pack, version or answers, and keeps the binding
//! that was there for a rollback.

use deploy_spec::{Descriptor, EnvPackBinding, Environment, Fault, Kind, PackRef, Slot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    BindingOutcome, PackFacts, check_pinned, commit, not_bound, outcome, registry_agrees,
    secrets_stay, target,
};
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::view::{Lookup as _, View};

/// `env-packs update`.
pub struct Update;

/// The answers of `env-packs update`; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateAnswers {
    /// The slot.
    pub slot: Slot,
    /// Which env-pack, in which version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Descriptor>,
    /// Where its code comes from; part of this program when absent and another env-pack is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack_ref: Option<PackRef>,
    /// What its wizard was answered, all of it; never a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Map<String, Value>>,
}

/// What `answers` would bind, for asking the registry about it. It has a digest when its code stays
/// what it is; naming the env-pack or its place anew means whatever is there now.
///
/// # Errors
/// `not-found` when the slot is empty; otherwise as [`View::get`].
pub fn update_subject(view: &dyn View, answers: &UpdateAnswers) -> Result<EnvPackBinding, Fault> {
    wanted(&view.environment()?, answers)
}

fn wanted(environment: &Environment, answers: &UpdateAnswers) -> Result<EnvPackBinding, Fault> {
    let now = environment.binding(answers.slot).ok_or_else(|| not_bound(answers.slot))?.clone();
    let stays = answers.kind.is_none() && answers.pack_ref.is_none();
    let kind = answers.kind.clone().unwrap_or_else(|| now.kind.clone());
    // Another env-pack whose place is not said is part of this program, as with `add`.
    let place = if kind.path() == now.kind.path() { now.pack_ref } else { PackRef::Builtin };
    Ok(EnvPackBinding {
        digest: now.digest.filter(|_| stays),
        kind,
        pack_ref: answers.pack_ref.clone().unwrap_or(place),
        answers: answers.answers.clone().unwrap_or(now.answers),
        ..now
    })
}

impl Verb for Update {
    const NOUN: &'static str = "env-packs";
    const OP: &'static str = "update";
    type Answers = UpdateAnswers;
    type Facts = PackFacts;
    type Outcome = BindingOutcome;

    fn rule(
        answers: &UpdateAnswers,
        facts: &PackFacts,
        draft: &mut Draft<'_>,
    ) -> Result<BindingOutcome, Fault> {
        let slot = answers.slot;
        let mut environment = draft.view().environment()?;
        target(draft, &environment, slot)?;
        let mut wanted = wanted(&environment, answers)?;
        check_pinned(slot, &wanted.pack_ref, facts)?;
        registry_agrees(&environment, slot, facts, Kind::InvalidInput)?;
        secrets_stay(draft.view(), &environment, slot, Some(&wanted.kind))?;
        wanted.pack_ref = facts.pack_ref.clone();
        wanted.digest.clone_from(&facts.digest);
        if environment.binding(slot) == Some(&wanted) {
            return Ok(BindingOutcome::of(&wanted));
        }
        environment.bind(wanted);
        let outcome = outcome(&environment, slot)?;
        commit(draft, environment, slot);
        Ok(outcome)
    }
}
