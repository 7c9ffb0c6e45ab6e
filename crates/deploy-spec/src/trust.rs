//! Whose signatures count.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A public key whose signatures on bundles an environment accepts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// SHA-256 of the raw public key, in hex.
    pub key_id: String,
    /// The raw ed25519 public key (RFC 8032), in base64.
    pub public_key: String,
    /// Its signatures do not count before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Its signatures do not count from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// Since when its signatures do not count any more, whatever they are on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// Why the signatures of a trusted key do not count at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// They count.
    Valid,
    /// Its time has not come.
    NotYetValid,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
}

impl TrustedKey {
    /// Whether its signatures count at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> KeyState {
        if self.revoked_at.is_some() {
            KeyState::Revoked
        } else if self.not_before.is_some_and(|from| now < from) {
            KeyState::NotYetValid
        } else if self.not_after.is_some_and(|until| until <= now) {
            KeyState::Expired
        } else {
            KeyState::Valid
        }
    }
}

/// Which key vouched for a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// SHA-256 of the raw public key, in hex.
    pub key_id: String,
}
