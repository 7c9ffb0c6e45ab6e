//! `env-packs remove`: empties a slot, and keeps what was in it for a rollback.

use deploy_spec::{Descriptor, Fault, Slot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{commit, not_bound, secrets_stay, target};
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::view::Lookup as _;

/// `env-packs remove`.
pub struct Remove;

/// The answers of `env-packs remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveAnswers {
    /// The slot to empty.
    pub slot: Slot,
}

/// The result of `env-packs remove`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RemoveOutcome {
    /// The slot.
    pub slot: Slot,
    /// The env-pack that was in it; `env-packs rollback` puts it back.
    pub removed: Descriptor,
    /// Counts the changes of the slot.
    pub generation: u64,
    /// The slots that must be filled and are not.
    pub missing_slots: Vec<Slot>,
}

impl Verb for Remove {
    const NOUN: &'static str = "env-packs";
    const OP: &'static str = "remove";
    type Answers = RemoveAnswers;
    type Facts = ();
    type Outcome = RemoveOutcome;

    fn rule(
        answers: &RemoveAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<RemoveOutcome, Fault> {
        let slot = answers.slot;
        let mut environment = draft.view().environment()?;
        target(draft, &environment, slot)?;
        let bound = environment.binding(slot).ok_or_else(|| not_bound(slot))?;
        let (removed, generation) = (bound.kind.clone(), bound.generation + 1);
        secrets_stay(draft.view(), &environment, slot, None)?;
        environment.unbind(slot);
        let missing = environment.missing_slots().into_iter().filter(|slot| !slot.is_optional());
        let missing_slots = missing.collect();
        commit(draft, environment, slot);
        Ok(RemoveOutcome { slot, removed, generation, missing_slots })
    }
}
