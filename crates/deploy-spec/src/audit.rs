//! The audit log: who, what, when, and the chain that makes it hard to forge.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::digest::Digest;
use crate::fault::Kind;
use crate::key::IdempotencyKey;
use crate::slug::EnvironmentId;
use crate::ulid_id::EventId;

crate::schema_tag!(
    /// `greentic.audit-event.v1`
    AuditSchema = "greentic.audit-event.v1"
);

/// The generation of the target before and after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerationChange {
    /// Before; null when it did not exist.
    pub before: Option<u64>,
    /// After; null when it did not change, or is gone.
    pub after: Option<u64>,
}

/// Whether the actor was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// Yes.
    Allow,
    /// No.
    Deny,
}

/// Why the actor was allowed, or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// The decision.
    pub decision: Permission,
    /// The policy that decided.
    pub policy: String,
    /// Its reason, in one sentence.
    pub reason: String,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AuditResult {
    /// It was done.
    Ok,
    /// It was not.
    Error {
        /// What sort of failure.
        kind: Kind,
        /// Why.
        message: String,
    },
}

/// One line of `audit/events.jsonl`. `hash` is the digest of the line without its `hash` field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditEvent {
    /// Which document this is.
    pub schema: AuditSchema,
    /// The event's id.
    pub event_id: EventId,
    /// When.
    pub ts: jiff::Timestamp,
    /// Who.
    pub actor: Actor,
    /// Where.
    pub environment_id: EnvironmentId,
    /// The noun of the command.
    pub noun: String,
    /// The verb of the command.
    pub verb: String,
    /// The id of what it was done to; null when it could not be told.
    pub target: Option<String>,
    /// The key that makes a retry safe.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The generation of the target.
    pub generation: GenerationChange,
    /// Whether the actor was allowed.
    pub authorization: Authorization,
    /// How it ended.
    pub result: AuditResult,
    /// The hash of the line before; null in the first line.
    pub prev_hash: Option<Digest>,
    /// The digest of this line without this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<Digest>,
}

impl AuditEvent {
    /// This event, chained behind the line whose hash is `prev_hash`.
    #[must_use]
    pub fn chained(mut self, prev_hash: Option<Digest>) -> Self {
        self.prev_hash = prev_hash;
        self.hash = Some(self.expected_hash());
        self
    }

    /// The hash that this line must carry.
    #[must_use]
    pub fn expected_hash(&self) -> Digest {
        let bare = Self { hash: None, ..self.clone() };
        Digest::of(&crate::document::to_line(&bare))
    }
}
