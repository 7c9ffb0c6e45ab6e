//! What is known of a backup: where it is, what it holds and what its bytes must be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::digest::Digest;
use crate::slug::EnvironmentId;
use crate::ulid_id::BackupId;

crate::schema_tag!(
    /// `greentic.backup.v1`
    BackupSchema = "greentic.backup.v1"
);

/// A backup: the record `backups/index/<backup_id>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Which document this is.
    pub schema: BackupSchema,
    /// Its id.
    pub backup_id: BackupId,
    /// Whose records it holds.
    pub environment_id: EnvironmentId,
    /// The file that holds it.
    pub file: String,
    /// The digest of the file's bytes.
    pub digest: Digest,
    /// The size of the file, in bytes.
    pub size_bytes: u64,
    /// The commit sequence whose state it holds.
    pub sequence: u64,
    /// How many records it holds.
    pub records: u64,
    /// When it was made.
    pub at: jiff::Timestamp,
    /// Who made it.
    pub by: Actor,
}
