//! A decision in the making: what a verb sees of the circumstances, and where it puts its changes.

use deploy_spec::{
    Actor, Authorization, DeploymentId, EventId, Fault, GenerationChange, IdempotencyKey,
    RevisionId, Salt, Timestamp,
};

use crate::change::Change;
use crate::record::{Key, Record};
use crate::view::View;

/// Random bits, drawn by the caller; a verb makes at most one id and one salt.
#[derive(Debug, Clone, Copy)]
pub struct Fresh {
    /// For the id of the audit event.
    pub event: u128,
    /// For the id that a verb makes.
    pub id: u128,
    /// For the salt of a new rollout.
    pub salt: [u8; 16],
}

/// The circumstances of a command.
#[derive(Debug, Clone)]
pub struct Context {
    /// What time it is.
    pub now: Timestamp,
    /// Who asks.
    pub actor: Actor,
    /// Whether they may.
    pub authorization: Authorization,
    /// Random bits.
    pub fresh: Fresh,
}

impl Context {
    /// The time, in milliseconds since 1970.
    #[must_use]
    pub fn unix_ms(&self) -> u64 {
        u64::try_from(self.now.as_millisecond()).unwrap_or(0)
    }

    pub(crate) fn event_id(&self) -> EventId {
        EventId::from_parts(self.unix_ms(), self.fresh.event)
    }
}

/// A decision in the making.
pub struct Draft<'a> {
    pub(crate) view: &'a dyn View,
    pub(crate) context: &'a Context,
    pub(crate) idempotency_key: Option<&'a IdempotencyKey>,
    pub(crate) expected_generation: Option<u64>,
    pub(crate) target: Option<String>,
    pub(crate) generation: GenerationChange,
    pub(crate) changes: Vec<Change>,
    pub(crate) fault: Option<Fault>,
    /// Whether it belongs into the audit log although no record changes.
    pub(crate) is_noted: bool,
}

impl<'a> Draft<'a> {
    pub(crate) fn view(&self) -> &'a dyn View {
        self.view
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.context.now
    }

    pub(crate) const fn actor(&self) -> &Actor {
        &self.context.actor
    }

    pub(crate) fn key(&self) -> Option<IdempotencyKey> {
        self.idempotency_key.cloned()
    }

    pub(crate) const fn salt(&self) -> Salt {
        Salt::new(self.context.fresh.salt)
    }

    pub(crate) fn new_deployment_id(&self) -> DeploymentId {
        DeploymentId::from_parts(self.context.unix_ms(), self.context.fresh.id)
    }

    /// An id that sorts behind `newest`, also when the clock went backwards.
    pub(crate) fn new_revision_id(&self, newest: Option<RevisionId>) -> RevisionId {
        let after = newest.map_or(0, |id| id.unix_ms() + 1);
        RevisionId::from_parts(self.context.unix_ms().max(after), self.context.fresh.id)
    }

    /// Names what the command is done to, and its generation; this is the compare of
    /// compare-and-swap. A verb calls it before it changes or refuses anything.
    pub(crate) fn target(
        &mut self,
        target: impl std::fmt::Display,
        before: Option<u64>,
    ) -> Result<(), Fault> {
        let target = target.to_string();
        self.generation.before = before;
        self.target = Some(target.clone());
        match self.expected_generation {
            Some(expected) if before != Some(expected) => {
                let now = before.map_or_else(|| "it has none".into(), |now| format!("it is {now}"));
                Err(Fault::conflict(format!(
                    "{target} was changed by somebody else: generation {expected} was expected, {now}"
                ))
                .hint("look at what changed, then ask again with the current generation")
                .detail("current_generation", before))
            }
            _ => Ok(()),
        }
    }

    /// The generation of the target after the change.
    pub(crate) const fn becomes(&mut self, generation: u64) {
        self.generation.after = Some(generation);
    }

    pub(crate) fn put(&mut self, record: Record) {
        self.changes.push(Change::Put { key: record.key(), record });
    }

    pub(crate) fn delete(&mut self, key: Key) {
        self.changes.push(Change::Delete { key });
    }

    /// Something outside the records changes.
    pub(crate) const fn note(&mut self) {
        self.is_noted = true;
    }

    /// The changes stand, and the answer is nevertheless this failure.
    pub(crate) fn answer_with(&mut self, fault: Fault) {
        self.fault = Some(fault);
    }
}
