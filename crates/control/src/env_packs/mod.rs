//! `gtc op env-packs`: what an environment is bound to.
//!
//! A slot has a generation of its own, which its binding carries and which every verb here moves
//! on. One binding before the present one is kept: a rollback takes back the last mistake, and is
//! taken back by another; what was bound before that is in the audit log and in backups, and not in
//! a record that every command reads.

mod add;
mod list;
mod remove;
mod rollback;
mod update;

pub use add::{Add, AddAnswers};
pub use list::{BindingShown, BindingsShown, list};
pub use remove::{Remove, RemoveAnswers, RemoveOutcome};
pub use rollback::{Rollback, RollbackAnswers, rollback_subject};
pub use update::{Update, UpdateAnswers, update_subject};

use deploy_spec::{
    Descriptor, Digest, EnvPackBinding, Environment, Fault, Kind, PackRef, Slot, document,
};
use serde::Serialize;

use crate::draft::Draft;
use crate::problem::{Problem, none_of};
use crate::record::{Folder, Record};
use crate::view::View;

/// What the registry of handlers says of the env-pack that is to be bound.
#[derive(Debug, Clone, PartialEq)]
pub struct PackFacts {
    /// The slot that the handler fills.
    pub slot: Slot,
    /// Where the pack came from, spelled so that it can be found again from anywhere.
    pub pack_ref: PackRef,
    /// What the pack's code is pinned to; none for a builtin.
    pub digest: Option<Digest>,
    /// Why nobody who is trusted vouches for the pack's code; none for a builtin.
    pub objection: Option<Box<Fault>>,
    /// All that is wrong with the kind, its version or the answers.
    pub problems: Vec<Problem>,
    /// The generation that the slot had when the registry was asked; none when it was never
    /// filled. When it has another one by now, what the registry said is about something else.
    pub generation: Option<u64>,
}

/// The result of every verb that fills a slot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BindingOutcome {
    /// The slot.
    pub slot: Slot,
    /// The env-pack in it.
    pub kind: Descriptor,
    /// Where its code comes from.
    pub pack_ref: PackRef,
    /// What its code is pinned to; null for a builtin.
    pub digest: Option<Digest>,
    /// Counts the changes of the slot.
    pub generation: u64,
    /// Whether there is something to roll back to.
    pub has_previous: bool,
}

impl BindingOutcome {
    fn of(binding: &EnvPackBinding) -> Self {
        Self {
            slot: binding.slot,
            kind: binding.kind.clone(),
            pack_ref: binding.pack_ref.clone(),
            digest: binding.digest.clone(),
            generation: binding.generation,
            has_previous: binding.previous.is_some(),
        }
    }
}

/// The generation of a slot; none when it was never filled.
#[must_use]
pub fn slot_generation(environment: &Environment, slot: Slot) -> Option<u64> {
    let last = environment.binding(slot).or_else(|| environment.removed_binding(slot));
    last.map(|binding| binding.generation)
}

/// Names the target of a verb: the slot.
fn target(draft: &mut Draft<'_>, environment: &Environment, slot: Slot) -> Result<(), Fault> {
    draft.target(slot, slot_generation(environment, slot))
}

/// What the registry said must be about the slot as it is, and must be a yes.
fn registry_agrees(
    environment: &Environment,
    slot: Slot,
    facts: &PackFacts,
    kind: Kind,
) -> Result<(), Fault> {
    if facts.generation != slot_generation(environment, slot) {
        let changed = format!("slot `{slot}` was changed by somebody else meanwhile");
        return Err(Fault::conflict(changed).hint("gtc op env-packs list"));
    }
    if let Some(objection) = &facts.objection {
        return Err(Fault::clone(objection).at("/pack_ref"));
    }
    let mut problems = Vec::new();
    if facts.slot != slot {
        let message = format!("it fills slot `{}`, not `{slot}`", facts.slot);
        problems.push(Problem::new("/kind", message));
    }
    problems.extend(facts.problems.iter().cloned());
    none_of(kind, &format!("slot `{slot}` cannot be filled like that"), &problems)
}

/// The longest name of a pack's source that is kept, in bytes.
const SOURCE_MAX: usize = 4096;

/// The slots whose work is done by code of this program only: it has no interface by which a pack
/// from elsewhere could do it, and binding one would be a promise that nothing keeps.
const OWN_WORK: [Slot; 4] = [Slot::Secrets, Slot::Sessions, Slot::State, Slot::Telemetry];

/// Whether an env-pack from there may fill `slot` at all, whatever it says of itself.
///
/// # Errors
/// `refused` when this program does the slot's work itself; `invalid-input` when the place is not
/// named plainly.
pub fn check_source(slot: Slot, pack_ref: &PackRef) -> Result<(), Fault> {
    let PackRef::At(name) = pack_ref else { return Ok(()) };
    if name.is_empty() || name.len() > SOURCE_MAX || name.chars().any(char::is_control) {
        let why = format!(
            "a pack is named in 1 to {SOURCE_MAX} bytes without control characters, not as {}",
            document::shown(name)
        );
        return Err(Fault::invalid(why).at("/pack_ref"));
    }
    if OWN_WORK.contains(&slot) {
        let why = format!(
            "slot `{slot}` is filled by an env-pack that is part of gtc: this gtc has no way to \
             let a pack from elsewhere do its work"
        );
        return Err(Fault::refused(why)
            .hint(format!("gtc op env-packs update {slot}, without a pack_ref"))
            .at("/pack_ref"));
    }
    Ok(())
}

/// Code that is not part of this program comes from where it may, and is pinned.
fn check_pinned(slot: Slot, asked: &PackRef, facts: &PackFacts) -> Result<(), Fault> {
    check_source(slot, asked)?;
    check_source(slot, &facts.pack_ref)?;
    match (asked, &facts.pack_ref, &facts.digest, &facts.objection) {
        (PackRef::Builtin, PackRef::Builtin, None, None) => Ok(()),
        (PackRef::At(_), PackRef::At(_), Some(_), _) => Ok(()),
        _ => Err(Fault::internal("a pack that is no builtin was not pinned by its digest")),
    }
}

/// Secret values stay in the env-pack that they were put into, so it stays as long as they do.
/// Another version of it is still it.
fn secrets_stay(
    view: &dyn View,
    environment: &Environment,
    slot: Slot,
    next: Option<&Descriptor>,
) -> Result<(), Fault> {
    let Some(now) = environment.binding(slot).filter(|_| slot == Slot::Secrets) else {
        return Ok(());
    };
    if next.is_some_and(|next| next.path() == now.kind.path()) {
        return Ok(());
    }
    let secrets = view.list(&Folder::Secrets)?;
    if secrets.is_empty() {
        return Ok(());
    }
    Err(Fault::refused(format!(
        "`{}` keeps the values of {} secrets, which would be left behind",
        now.kind,
        secrets.len()
    ))
    .hint("delete them with `gtc op secrets delete`, then put them again into the other env-pack")
    .detail("secrets", secrets))
}

/// Puts the environment back with `slot` changed.
fn commit(draft: &mut Draft<'_>, mut environment: Environment, slot: Slot) {
    if let Some(generation) = slot_generation(&environment, slot) {
        draft.becomes(generation);
    }
    environment.generation += 1;
    draft.put(Record::Environment(environment));
}

/// What `slot` is bound to, once it was bound.
fn outcome(environment: &Environment, slot: Slot) -> Result<BindingOutcome, Fault> {
    let lost = || Fault::internal(format!("slot `{slot}` was bound and is empty"));
    environment.binding(slot).map(BindingOutcome::of).ok_or_else(lost)
}

fn not_bound(slot: Slot) -> Fault {
    Fault::not_found(format!("nothing is bound to slot `{slot}`"))
        .hint(format!("gtc op env-packs add {slot}"))
}
