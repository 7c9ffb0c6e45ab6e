//! What the data plane of an environment tells the world, and whom it believes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the data plane of an environment tells the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HostConfig {
    /// Whether responses carry `x-greentic-revision`.
    pub revision_header: bool,
    /// Peers whose forwarding and forcing headers are believed, as IP addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_peers: Vec<std::net::IpAddr>,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self { revision_header: true, trusted_peers: Vec::new() }
    }
}
