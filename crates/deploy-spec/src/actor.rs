//! Who does something.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who does something, as far as this machine can tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// How the actor was recognised.
    pub kind: ActorKind,
    /// The account's name.
    pub user: String,
    /// The account's number.
    pub uid: u32,
    /// The machine.
    pub host: String,
}

/// How an actor was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActorKind {
    /// An account of the operating system.
    OsUser,
}
