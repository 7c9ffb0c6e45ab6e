//! The place you deploy to, and the env-packs it binds to its slots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::host_config::HostConfig;
use crate::pack_ref::PackRef;
use crate::slug::EnvironmentId;
use crate::trust::TrustedKey;

crate::schema_tag!(
    /// `greentic.environment.v1`
    EnvironmentSchema = "greentic.environment.v1"
);

/// What an environment needs done for it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// Runs revisions.
    Deployer,
    /// Keeps secret values.
    Secrets,
    /// Takes logs, metrics and traces.
    Telemetry,
    /// Remembers which revision a session was given.
    Sessions,
    /// Keeps what workloads store.
    State,
    /// Knows what was revoked. Optional.
    Revocation,
}

impl Slot {
    /// Every slot, in order.
    pub const ALL: [Self; 6] = [
        Self::Deployer,
        Self::Secrets,
        Self::Telemetry,
        Self::Sessions,
        Self::State,
        Self::Revocation,
    ];

    /// Whether an environment is whole without it.
    #[must_use]
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::Revocation)
    }

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deployer => "deployer",
            Self::Secrets => "secrets",
            Self::Telemetry => "telemetry",
            Self::Sessions => "sessions",
            Self::State => "state",
            Self::Revocation => "revocation",
        }
    }
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// One env-pack, bound to one slot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvPackBinding {
    /// The slot it fills; an environment binds each slot at most once.
    pub slot: Slot,
    /// Which env-pack, in which version.
    pub kind: Descriptor,
    /// Where its code comes from.
    pub pack_ref: PackRef,
    /// What its code is pinned to; none for a builtin, which is pinned by this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// What its wizard was answered; never a secret.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub answers: Map<String, Value>,
    /// Counts the changes of this binding.
    pub generation: u64,
    /// The binding this one replaced, for a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Box<EnvPackBinding>>,
}

/// The place you deploy to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Which document this is.
    pub schema: EnvironmentSchema,
    /// Its name.
    pub environment_id: EnvironmentId,
    /// What people call it.
    pub name: String,
    /// What its data plane tells the world.
    #[serde(default)]
    pub host_config: HostConfig,
    /// Its env-packs, in the order of the slots.
    pub bindings: Vec<EnvPackBinding>,
    /// The bindings that were removed and not replaced, for a rollback; at most one a slot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed_bindings: Vec<EnvPackBinding>,
    /// Non-secret values for all its deployments; a deployment's own come before them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub config: Map<String, Value>,
    /// Whose signatures on bundles it accepts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust_root: Vec<TrustedKey>,
    /// How many of these keys must have signed a bundle.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1, max = 16))]
    pub trust_threshold: u32,
    /// Bundles that take no traffic any more, whoever signed them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked_bundles: Vec<Digest>,
    /// Where its deploy credentials are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_ref: Option<crate::reference::CredentialsRef>,
    /// Counts the changes of this record.
    pub generation: u64,
    /// When it was made.
    pub created_at: jiff::Timestamp,
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_one(threshold: &u32) -> bool {
    *threshold == 1
}

impl Environment {
    /// Why a revision that was proven once would not be now: its bundle or its key was revoked.
    #[must_use]
    pub fn distrusts(&self, revision: &crate::Revision) -> Option<String> {
        let digest = &revision.bundle_digest;
        if self.revoked_bundles.contains(digest) {
            return Some(format!("its bundle {digest} was revoked"));
        }
        let signed_by = &revision.signature.as_ref()?.key_id;
        let key = self.trust_root.iter().find(|key| key.key_id == *signed_by)?;
        key.revoked_at.map(|at| format!("its key {signed_by} was revoked at {at}"))
    }

    /// The binding of `slot`.
    #[must_use]
    pub fn binding(&self, slot: Slot) -> Option<&EnvPackBinding> {
        self.bindings.iter().find(|binding| binding.slot == slot)
    }

    /// The binding that was removed from `slot`, if nothing took its place.
    #[must_use]
    pub fn removed_binding(&self, slot: Slot) -> Option<&EnvPackBinding> {
        self.removed_bindings.iter().find(|binding| binding.slot == slot)
    }

    /// What every binding is pinned to that is in use, was replaced or was removed: what a slot runs,
    /// and what a rollback would put back.
    pub fn pinned_packs(&self) -> impl Iterator<Item = &Digest> {
        let kept = self.bindings.iter().chain(&self.removed_bindings);
        kept.flat_map(|binding| {
            let before = binding.previous.as_deref();
            [Some(binding), before].into_iter().flatten().filter_map(|one| one.digest.as_ref())
        })
    }

    /// The slots that nothing fills, the optional ones too.
    #[must_use]
    pub fn missing_slots(&self) -> Vec<Slot> {
        Slot::ALL.into_iter().filter(|slot| self.binding(*slot).is_none()).collect()
    }

    /// Fills the slot of `binding`. What filled it last, bound or removed, is kept as `previous`
    /// without its own, and the slot's generation moves on; a slot that was never filled begins
    /// at 0.
    pub fn bind(&mut self, mut binding: EnvPackBinding) {
        let last = self.take_binding(binding.slot);
        binding.generation = last.as_ref().map_or(0, |last| last.generation + 1);
        binding.previous = last.map(|last| Box::new(EnvPackBinding { previous: None, ..last }));
        self.place(binding);
    }

    /// Empties `slot` and keeps what was in it; false when nothing was.
    pub fn unbind(&mut self, slot: Slot) -> bool {
        let Some(i) = self.bindings.iter().position(|binding| binding.slot == slot) else {
            return false;
        };
        let mut removed = self.bindings.remove(i);
        removed.generation += 1;
        self.removed_bindings.push(removed);
        self.removed_bindings.sort_by_key(|binding| binding.slot);
        true
    }

    /// What a rollback of `slot` puts back: what was removed, or what was replaced.
    #[must_use]
    pub fn rollback_of(&self, slot: Slot) -> Option<&EnvPackBinding> {
        match self.binding(slot) {
            Some(binding) => binding.previous.as_deref(),
            None => self.removed_binding(slot),
        }
    }

    /// Puts [`Environment::rollback_of`] back and keeps what it replaces; false when there is
    /// nothing to put back. What was removed comes back with the `previous` it had.
    pub fn roll_back(&mut self, slot: Slot) -> bool {
        let Some(back) = self.rollback_of(slot).cloned() else { return false };
        if self.binding(slot).is_some() {
            self.bind(back);
        } else if let Some(mut removed) = self.take_binding(slot) {
            removed.generation += 1;
            self.place(removed);
        }
        true
    }

    fn take_binding(&mut self, slot: Slot) -> Option<EnvPackBinding> {
        let take = |list: &mut Vec<EnvPackBinding>| {
            list.iter().position(|binding| binding.slot == slot).map(|i| list.remove(i))
        };
        take(&mut self.bindings).or_else(|| take(&mut self.removed_bindings))
    }

    fn place(&mut self, binding: EnvPackBinding) {
        self.bindings.push(binding);
        self.bindings.sort_by_key(|binding| binding.slot);
    }
}
