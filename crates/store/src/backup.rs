//! A backup of a whole environment in one file, which needs nothing else to be understood.
//!
//! The first line is the header, in plain JSON. What follows is gzip (RFC 1952) of one JSON
//! document per line: the header again, without the digest, then every record with its key. The
//! header's digest is that of the compressed part. Answers by idempotency key, the audit log,
//! bundles, secrets, keys and what belongs to a running process are no records of a backup.

mod file;

use std::io;

use control::{Key, Record, View as _};
use deploy_spec::{Actor, Digest, EnvironmentId, EventId, Fault, Timestamp, document, schema_tag};
use serde::{Deserialize, Serialize};

use crate::corrupt::io_fault;
use crate::disk::LockMode;
use crate::folders::{Found, make_folders};
use crate::lock::Holder;
use crate::root::EnvironmentStore;

pub use file::backup_read;

/// Where the backups of an environment are.
const FOLDER: &str = "backups/files";
const SUFFIX: &str = ".gtbackup";
/// What a half-written one is called besides.
const DRAFT: &str = ".draft";
/// How long nobody need have told of a backup, in milliseconds.
const YOUNG_MS: u64 = 3_600_000;
/// The longest header, in bytes.
const HEADER_MOST: u64 = 64 * 1024;

schema_tag!(
    /// `greentic.backup-file.v1`
    BackupSchema = "greentic.backup-file.v1"
);

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupContent {
    /// Which document this is.
    pub schema: BackupSchema,
    /// Its id; the event that tells of it has the same.
    pub id: EventId,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The sequence of the newest commit in it.
    pub sequence: u64,
    /// When it was made.
    pub at: Timestamp,
    /// Who made it.
    pub by: Actor,
    /// How many records it holds.
    pub records: u64,
}

/// The first line of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupHeader {
    /// What it is of.
    pub content: BackupContent,
    /// The digest of the compressed part.
    pub digest: Digest,
    /// The size of the compressed part, in bytes.
    pub size_bytes: u64,
}

/// A backup that an environment holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// Its file, relative to the environment's folder.
    pub file: String,
    /// The size of the file, in bytes.
    pub file_bytes: u64,
    /// What it says of itself; none when that cannot be read.
    pub header: Option<BackupHeader>,
}

impl EnvironmentStore {
    /// Writes all records, as they are at one moment, into one file of the environment.
    ///
    /// # Errors
    /// As [`EnvironmentStore::read`]; `conflict` when there is a backup with this id;
    /// `unavailable` when a record cannot be read or the file cannot be written.
    pub fn backup_write(&self, id: EventId, by: &Actor, at: Timestamp) -> Result<Backup, Fault> {
        let (content, records) = self.content(id, by, at)?;
        let packed = file::pack(&content, &records)
            .map_err(|error| Fault::internal(format!("a backup cannot be packed: {error}")))?;
        let size_bytes = packed.len() as u64;
        let header = BackupHeader { content, digest: Digest::of(&packed), size_bytes };
        let mut bytes = document::to_line(&header);
        bytes.push(b'\n');
        bytes.extend(packed);
        let file = path(id);
        self.put_backup(&file, &bytes)?;
        Ok(Backup { file, file_bytes: bytes.len() as u64, header: Some(header) })
    }

    fn content(
        &self,
        id: EventId,
        by: &Actor,
        at: Timestamp,
    ) -> Result<(BackupContent, Vec<Record>), Fault> {
        let view = self.read()?;
        let keys = view.all()?;
        let get = |key: &Key| {
            view.get(key)?.ok_or_else(|| Fault::internal(format!("{key:?} is listed and absent")))
        };
        let records = keys.iter().map(get).collect::<Result<Vec<_>, Fault>>()?;
        let content = BackupContent {
            schema: BackupSchema,
            id,
            environment_id: self.id.clone(),
            sequence: view.sequence(),
            at,
            by: by.clone(),
            records: records.len() as u64,
        };
        Ok((content, records))
    }

    fn put_backup(&self, file: &str, bytes: &[u8]) -> Result<(), Fault> {
        // Whoever prunes takes an old draft for what a crash left, and waits until this is none.
        let _guard = self.lock(LockMode::Shared)?;
        let draft = format!("{file}{DRAFT}");
        let disk = &*self.disk;
        let failed = |error: io::Error| io_fault(&self.id, "writing", file, &error);
        if disk.read_tail(file, 0).map_err(failed)?.1 > 0 {
            return Err(Fault::conflict(format!("there is a backup `{file}` already")));
        }
        let put = || -> io::Result<()> {
            make_folders(disk, FOLDER, Found::Perhaps)?;
            disk.write(&draft, bytes)?;
            disk.sync(&draft)?;
            disk.rename(&draft, file)?;
            disk.sync_folder(FOLDER)
        };
        put().map_err(|error| {
            let _ = disk.remove(&draft);
            failed(error)
        })
    }

    /// The backups of the environment, the newest state first.
    ///
    /// # Errors
    /// `unavailable` when they cannot be listed.
    pub fn backups(&self) -> Result<Vec<Backup>, Fault> {
        self.must_exist()?;
        let failed = |error: io::Error| io_fault(&self.id, "listing", FOLDER, &error);
        let mut found = Vec::new();
        for name in self.disk.list(FOLDER).map_err(failed)? {
            if name.strip_suffix(SUFFIX).is_none_or(|id| id.parse::<EventId>().is_err()) {
                continue;
            }
            let file = format!("{FOLDER}/{name}");
            let file_bytes = self.disk.read_tail(&file, 0).map_err(failed)?.1;
            let start = self.disk.read_part(&file, 0, HEADER_MOST).map_err(failed)?;
            let line = start.split(|&b| b == b'\n').next().unwrap_or_default();
            found.push(Backup { file, file_bytes, header: document::from_json(line).ok() });
        }
        // By what is in them: a clock may go backwards, the sequence does not.
        let sequence = |backup: &Backup| backup.header.as_ref().map(|h| h.content.sequence);
        found.sort_by(|a, b| (sequence(b), &b.file).cmp(&(sequence(a), &a.file)));
        Ok(found)
    }

    /// Removes the files of backups: those in `gone`; and those that are not in `known`, and what a
    /// crash left half-written, unless younger than an hour by `now`, because somebody may be about
    /// to tell of them.
    ///
    /// # Errors
    /// As [`EnvironmentStore::write`].
    pub fn backups_forget(
        &self,
        now: Timestamp,
        holder: &Holder,
        known: &[String],
        gone: &[String],
    ) -> Result<(), Fault> {
        let _writer = self.write(holder)?;
        let failed = |error: io::Error| io_fault(&self.id, "pruning", FOLDER, &error);
        let young = u64::try_from(now.as_millisecond()).unwrap_or(0).saturating_sub(YOUNG_MS);
        let mut removed = false;
        for name in self.disk.list(FOLDER).map_err(failed)? {
            let id = name.trim_end_matches(DRAFT).strip_suffix(SUFFIX);
            let id = id.and_then(|id| id.parse::<EventId>().ok());
            let file = format!("{FOLDER}/{name}");
            let is_old = id.is_some_and(|id| id.unix_ms() <= young);
            if gone.contains(&file) || is_old && !known.contains(&file) {
                self.disk.remove(&file).map_err(failed)?;
                removed = true;
            }
        }
        if removed { self.disk.sync_folder(FOLDER).map_err(failed) } else { Ok(()) }
    }
}

/// Where the backup with this id is, relative to the environment's folder.
fn path(id: EventId) -> String {
    format!("{FOLDER}/{id}{SUFFIX}")
}
