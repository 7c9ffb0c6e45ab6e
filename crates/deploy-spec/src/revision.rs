//! One immutable version of a deployment, and the proof that it may serve.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::Digest;
use crate::lifecycle::Lifecycle;
use crate::manifest::{ImageRef, PackKind, UpstreamUrl};
use crate::reference::SecretRef;
use crate::route::PathPrefix;
use crate::slug::{BundleId, PackId};
use crate::trust::Signature;
use crate::ulid_id::{DeploymentId, RevisionId};

crate::schema_tag!(
    /// `greentic.revision.v1`
    RevisionSchema = "greentic.revision.v1"
);

/// How long streams may live on once a revision drains, when nothing else was said, in seconds.
pub const DRAIN_SECONDS: u32 = 30;

/// The longest that draining may take, in seconds.
pub const DRAIN_SECONDS_MAX: u32 = 86_400;

/// One pack of a revision, pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PinnedPack {
    /// The pack's name inside the bundle.
    pub pack_id: PackId,
    /// How it runs.
    pub kind: PackKind,
    /// What it is pinned to.
    pub digest: Digest,
    /// Where it answers below the deployment's path prefix.
    pub public_path: PathPrefix,
    /// Where an `upstream` is; the digest is that of this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<UpstreamUrl>,
    /// Which image a `container` runs, where it is not in the bundle; the digest is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRef>,
}

/// One secret of a revision, pinned to the version that it was proven with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PinnedSecret {
    /// The secret.
    pub secret: SecretRef,
    /// Which of its versions.
    pub version: u64,
    /// Where the secrets slot keeps that version: it tells two apart that have the same number
    /// because the secret was deleted in between.
    pub value_ref: String,
}

/// What the gate of a revision was green with, beside what was pinned when it was staged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pinned {
    /// The version of the engine that ran it, settings included.
    pub engine: String,
    /// The version of each secret that had a value; the revision is given no other, ever.
    #[serde(default)]
    pub secrets: Vec<PinnedSecret>,
}

/// What one check of the gate said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckStatus {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It could not be asked because an earlier check failed.
    Skipped,
}

/// One check that must hold before a revision is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GateCheck {
    /// What was checked: `digest`, `signature`, `packs`, `config`, `secrets`, `readiness`.
    pub check: String,
    /// What it said.
    pub status: CheckStatus,
    /// Why, in one sentence.
    pub detail: String,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// One immutable version of a deployment: the record
/// `revisions/<deployment_id>/<revision_id>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revision {
    /// Which document this is.
    pub schema: RevisionSchema,
    /// Its id.
    pub revision_id: RevisionId,
    /// Whose version.
    pub deployment_id: DeploymentId,
    /// Which bundle.
    pub bundle_id: BundleId,
    /// 1, 2, 3 … within its deployment: what `r1` means.
    pub sequence: u64,
    /// The version the bundle gives itself.
    pub version: semver::Version,
    /// What the bundle is pinned to.
    pub bundle_digest: Digest,
    /// Where the bundle came from, as it was named.
    pub bundle_source: String,
    /// The size of the bundle, in bytes.
    pub size_bytes: u64,
    /// Its packs.
    pub pack_list: Vec<PinnedPack>,
    /// Its configuration, all values merged; never a secret.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub config: Map<String, Value>,
    /// The digest of the canonical JSON of `config`.
    pub config_digest: Digest,
    /// The secrets it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_refs: Vec<SecretRef>,
    /// What its gate was green with; none before it was. The secrets stay what they were the first
    /// time, the engine is that of the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pinned>,
    /// Which key vouched for the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// How long streams may live on once it drains, in seconds.
    pub drain_seconds: u32,
    /// What its gate said when it last ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gate: Vec<GateCheck>,
    /// Counts the changes of this record.
    pub generation: u64,
    /// When it was made.
    pub created_at: jiff::Timestamp,
    /// When it was last staged.
    pub staged_at: jiff::Timestamp,
    /// When its gate last was green.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmed_at: Option<jiff::Timestamp>,
    /// Since when it drains; only while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draining_since: Option<jiff::Timestamp>,
    /// How what it was answering ended when it last drained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained: Option<Drained>,
    /// When it was archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<jiff::Timestamp>,
}

/// How the requests of a revision ended that were open when its drain began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drained {
    /// How many were open.
    pub open: u64,
    /// How many of them finished by themselves.
    pub finished: u64,
    /// How many streams were told to come back: WebSockets closed with 1012, events with a hint.
    pub closed: u64,
    /// How many were cut because the time was over.
    pub cut: u64,
}

impl Revision {
    /// The version of a secret that it pinned, if it did.
    #[must_use]
    pub fn pin_of(&self, secret: &SecretRef) -> Option<&PinnedSecret> {
        self.pinned.as_ref()?.secrets.iter().find(|pin| pin.secret == *secret)
    }
}
