//! The traffic split: which revision serves how much, and how it came to be so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::slots::Slots;
use crate::text::shown;
use crate::ulid_id::DeploymentId;
use crate::weight::Weights;

crate::schema_tag!(
    /// `greentic.traffic-split.v1`
    SplitSchema = "greentic.traffic-split.v1"
);

/// The key by which a rollout's sessions find their slots: 128 random bits, in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Salt([u8; 16]);

impl Salt {
    /// The salt made of these random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Serialize for Salt {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&format!("{:032x}", u128::from_be_bytes(self.0)))
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        match u128::from_str_radix(&text, 16) {
            Ok(bits) if hex => Ok(Self(bits.to_be_bytes())),
            _ => Err(serde::de::Error::custom(format!("{} is not 32 hex digits", shown(&text)))),
        }
    }
}

impl JsonSchema for Salt {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Salt".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{32}$" })
    }
}

/// Weights, and the slots that carry them out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Allocation {
    /// The shares.
    pub entries: Weights,
    /// Who owns which slot.
    pub slots: Slots,
    /// The key by which sessions find their slots.
    pub salt: Salt,
}

impl Allocation {
    /// The first allocation of a deployment, or the first after it was off the air.
    #[must_use]
    pub fn first(entries: Weights, generation: u64, salt: Salt) -> Self {
        let slots = Slots::first(&entries, generation);
        Self { entries, slots, salt }
    }

    /// This allocation after its weights changed in split generation `generation`, moving the
    /// fewest slots. While one revision owns everything nobody notices a new salt, so that is
    /// when `fresh` is taken: each rollout draws its own cohort and moves nobody twice.
    #[must_use]
    pub fn changed(
        &self,
        entries: Weights,
        generation: u64,
        before: Option<&Self>,
        fresh: Salt,
    ) -> Self {
        let slots = self.slots.moved(&entries, generation, before.map(|before| &before.slots));
        let salt = if self.entries.sole_owner().is_some() { fresh } else { self.salt };
        Self { entries, slots, salt }
    }
}

impl<'de> Deserialize<'de> for Allocation {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Raw {
            entries: Weights,
            slots: Slots,
            salt: Salt,
        }
        let Raw { entries, slots, salt } = Raw::deserialize(d)?;
        if !slots.agree_with(&entries) {
            return Err(serde::de::Error::custom("the slots do not carry out the weights"));
        }
        Ok(Self { entries, slots, salt })
    }
}

/// What made a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SplitOp {
    /// Somebody set the weights.
    Set,
    /// Somebody went back.
    Rollback,
    /// Somebody took the deployment off the air.
    Clear,
}

/// One generation of a deployment's split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficSplit {
    /// Which document this is.
    pub schema: SplitSchema,
    /// Whose split.
    pub deployment_id: DeploymentId,
    /// 0, 1, 2 …: every change of the split makes the next.
    pub generation: u64,
    /// Who serves how much; none while the deployment is off the air.
    pub allocation: Option<Allocation>,
    /// The generation that a rollback restores; none at the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<u64>,
    /// What made it.
    pub op: SplitOp,
    /// When.
    pub at: jiff::Timestamp,
    /// Who.
    pub by: Actor,
    /// The key that makes retrying it safe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<crate::key::IdempotencyKey>,
}

impl TrafficSplit {
    /// The share of one revision, in basis points.
    #[must_use]
    pub fn weight_of(&self, revision: crate::ulid_id::RevisionId) -> u16 {
        self.allocation.as_ref().map_or(0, |a| a.entries.of(revision).get())
    }
}

#[cfg(test)]
mod tests;
