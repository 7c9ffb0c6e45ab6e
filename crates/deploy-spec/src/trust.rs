//! Whose signatures count.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A public key whose signatures on bundles an environment accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// SHA-256 of the raw public key, in hex.
    pub key_id: String,
    /// The raw ed25519 public key (RFC 8032), in base64.
    pub public_key: String,
}

/// Which key vouched for a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// SHA-256 of the raw public key, in hex.
    pub key_id: String,
}
