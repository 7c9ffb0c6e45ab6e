//! The anchor of the audit log: how long the log was when it was last written to, kept beside it.
//!
//! A chain of hashes shows what was changed within a log, but not that its end was cut off. The
//! anchor is written once the line is durable, so a crash may leave it behind the log, and never
//! ahead of it: a log that is shorter than its anchor has lost lines.

use std::io;

use deploy_spec::{Digest, document, schema_tag};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::disk::Disk;

/// Where the anchor of the end is.
pub(crate) const HEAD: &str = "audit/head.json";
/// Where it is written how much of the beginning was pruned.
pub(crate) const PRUNED: &str = "audit/pruned.json";

schema_tag!(
    /// `greentic.audit-head.v1`
    HeadSchema = "greentic.audit-head.v1"
);
schema_tag!(
    /// `greentic.audit-pruned.v1`
    PrunedSchema = "greentic.audit-pruned.v1"
);

/// The end of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    pub(crate) schema: HeadSchema,
    /// How many lines were ever written.
    pub(crate) count: u64,
    /// The hash of the last one; null before the first.
    pub(crate) hash: Option<Digest>,
    /// The number of the first line of the file that is written to; the first ever has 1.
    pub(crate) first: u64,
    /// The length of that file, in bytes.
    pub(crate) length: u64,
}

/// What was pruned from the beginning of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pruned {
    pub(crate) schema: PrunedSchema,
    /// How many lines.
    pub(crate) count: u64,
    /// The hash of the last of them.
    pub(crate) hash: Digest,
}

/// Reads an anchor; none when it is absent or cannot be understood.
pub(crate) fn read<T: DeserializeOwned>(disk: &dyn Disk, path: &str) -> io::Result<Option<T>> {
    Ok(disk.read(path)?.and_then(|text| document::from_json(&text).ok()))
}

/// Replaces an anchor. There is always the old one or the new one; which, after a loss of power,
/// is certain only once the folder is synced.
pub(crate) fn write<T: Serialize>(disk: &dyn Disk, path: &str, anchor: &T) -> io::Result<()> {
    let draft = format!("{path}.draft");
    // A draft that a loss of power left may be a second name of the anchor: never write into it.
    disk.remove(&draft)?;
    disk.write(&draft, &document::to_line(anchor))?;
    disk.sync(&draft)?;
    disk.rename(&draft, path)
}
