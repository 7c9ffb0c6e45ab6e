//! A commit as it is written down: every file that it changes, whole, and its audit event.

use control::{Change, Key, Transaction};
use deploy_spec::{AuditEvent, EnvironmentId, Fault, document, schema_tag};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::corrupt::{io_fault, record_fault};
use crate::disk::Disk;
use crate::layout::{self, COMMITS, JOURNAL};

schema_tag!(
    /// `greentic.commit.v1`
    CommitSchema = "greentic.commit.v1"
);

/// One file that a commit writes, or removes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileChange {
    pub(crate) key: Key,
    pub(crate) path: String,
    /// All of it; null removes the file.
    pub(crate) content: Option<Box<RawValue>>,
}

impl FileChange {
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.content.as_ref().map(|content| content.get().as_bytes())
    }
}

/// A commit.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Commit {
    pub(crate) schema: CommitSchema,
    pub(crate) sequence: u64,
    pub(crate) files: Vec<FileChange>,
    pub(crate) audit: AuditEvent,
}

impl Commit {
    pub(crate) fn new(
        sequence: u64,
        transaction: &Transaction,
        audit: AuditEvent,
    ) -> Result<Self, Fault> {
        let file = |change: &Change| -> Result<FileChange, Fault> {
            let (key, path, content) = match change {
                Change::Put { key, record } => {
                    let text = serde_json::value::to_raw_value(record).map_err(|error| {
                        Fault::internal(format!("a record cannot be written: {error}"))
                    })?;
                    (key, layout::path_of(record), Some(text))
                }
                Change::Delete { key } => (key, layout::path(key), None),
            };
            Ok(FileChange { key: key.clone(), path, content })
        };
        let files = transaction.changes.iter().map(file).collect::<Result<_, Fault>>()?;
        Ok(Self { schema: CommitSchema, sequence, files, audit })
    }

    /// The commit in `folder` with this sequence, if it is there.
    pub(crate) fn read(
        environment: &EnvironmentId,
        disk: &dyn Disk,
        folder: &str,
        sequence: u64,
    ) -> Result<Option<Self>, Fault> {
        let path = format!("{folder}/{}", layout::commit_name(sequence));
        let text =
            disk.read(&path).map_err(|error| io_fault(environment, "reading", &path, &error))?;
        let Some(text) = text else { return Ok(None) };
        let commit = match document::from_json::<Self>(&text) {
            Ok(commit) if commit.sequence == sequence => Ok(commit),
            Ok(other) => Err(Fault::invalid(format!("it is commit {}", other.sequence))),
            Err(why) => Err(why),
        };
        commit.map(Some).map_err(|why| record_fault(environment, disk, &path, &why))
    }

    /// The sequence of the newest commit that was carried out, and the commit that was decided
    /// and perhaps not carried out, if there is one.
    pub(crate) fn newest(
        environment: &EnvironmentId,
        disk: &dyn Disk,
    ) -> Result<(u64, Option<Self>), Fault> {
        let decided = last(environment, disk, JOURNAL)?;
        let done = last(environment, disk, COMMITS)?;
        let in_flight = match decided {
            Some(sequence) if Some(sequence) > done => {
                Self::read(environment, disk, JOURNAL, sequence)?
            }
            _ => None,
        };
        Ok((done.unwrap_or(0), in_flight))
    }
}

/// The sequence of the last commit in a folder.
pub(crate) fn last(
    environment: &EnvironmentId,
    disk: &dyn Disk,
    folder: &str,
) -> Result<Option<u64>, Fault> {
    let names =
        disk.list(folder).map_err(|error| io_fault(environment, "listing", folder, &error))?;
    Ok(names.iter().rev().find_map(|name| layout::sequence_of(name)))
}
