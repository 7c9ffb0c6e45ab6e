//! A backup of a whole environment in one file, which needs nothing else to be understood.
//!
//! The first line is the header, in plain JSON. What follows is gzip (RFC 1952) of one JSON
//! document per line: the header again, without the digest, then every record with its key. The
//! header's digest is that of the compressed part. Answers by idempotency key, the audit log,
//! bundles, secrets, keys and what belongs to a running process are no records of a backup.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;

use control::{Key, Record, View as _};
use deploy_spec::{Actor, Digest, EnvironmentId, EventId, Fault, Timestamp, document, schema_tag};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::corrupt::{io_fault, newer_gtc};
use crate::folders::{Found, make_folders};
use crate::lock::Holder;
use crate::prune::Removal;
use crate::root::EnvironmentStore;

/// Where the backups of an environment are.
const FOLDER: &str = "backups/files";
const SUFFIX: &str = ".gtbackup";
/// The longest header, and the largest content once it is unpacked, in bytes.
const HEADER_MOST: u64 = 64 * 1024;
const CONTENT_MOST: u64 = 1 << 30;

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

/// What became of old backups, or would become of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupsPruned {
    /// What went, newest first.
    pub removed: Vec<Backup>,
    /// How many stay.
    pub kept: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: Key,
    record: Box<RawValue>,
}

impl EnvironmentStore {
    /// Writes all records, as they are at one moment, into one file of the environment.
    ///
    /// # Errors
    /// As [`EnvironmentStore::read`]; `conflict` when there is a backup with this id;
    /// `unavailable` when a record cannot be read or the file cannot be written.
    pub fn backup_write(&self, id: EventId, by: &Actor, at: Timestamp) -> Result<Backup, Fault> {
        let (content, records) = self.content(id, by, at)?;
        let packed = pack(&content, &records)
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
        let keys = view.keys()?;
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
        let draft = format!("{file}.draft");
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

    /// Removes all backups but the newest `keep`, and what a crash left half-written.
    ///
    /// # Errors
    /// As [`EnvironmentStore::write`].
    pub fn backups_prune(
        &self,
        keep: usize,
        removal: Removal,
        holder: &Holder,
    ) -> Result<BackupsPruned, Fault> {
        let _writer = self.write(holder)?;
        let mut kept = self.backups()?;
        let removed = kept.split_off(keep.min(kept.len()));
        if removal == Removal::Remove {
            let go = || -> io::Result<()> {
                for backup in &removed {
                    self.disk.remove(&backup.file)?;
                }
                for name in self.disk.list(FOLDER)?.iter().filter(|name| name.ends_with(".draft")) {
                    self.disk.remove(&format!("{FOLDER}/{name}"))?;
                }
                if removed.is_empty() { Ok(()) } else { self.disk.sync_folder(FOLDER) }
            };
            go().map_err(|error| io_fault(&self.id, "pruning", FOLDER, &error))?;
        }
        Ok(BackupsPruned { removed, kept: kept.len() })
    }
}

/// Where the backup with this id is, relative to the environment's folder.
fn path(id: EventId) -> String {
    format!("{FOLDER}/{id}{SUFFIX}")
}

fn pack(content: &BackupContent, records: &[Record]) -> io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&document::to_line(content))?;
    gzip.write_all(b"\n")?;
    for record in records {
        let line = Line { key: record.key(), record: serde_json::value::to_raw_value(record)? };
        gzip.write_all(&document::to_line(&line))?;
        gzip.write_all(b"\n")?;
    }
    gzip.finish()
}

/// Reads a backup, wherever the file is, and checks all of it.
///
/// # Errors
/// `not-found` when there is no such file; `invalid-input` when it is no backup, or not whole;
/// `refused` when a newer gtc wrote it; `unavailable` when it cannot be read.
pub fn backup_read(file: &Path) -> Result<(BackupHeader, Vec<Record>), Fault> {
    let wrong = |why: String| not_whole(file, &why);
    let mut text = BufReader::new(open(file)?);
    let unreadable =
        |error: io::Error| Fault::unavailable(format!("reading `{}`: {error}", file.display()));
    let mut line = Vec::new();
    text.by_ref().take(HEADER_MOST).read_until(b'\n', &mut line).map_err(unreadable)?;
    let header: BackupHeader = document::from_json(&line).map_err(|why| {
        if newer_gtc(&why.message).is_some() {
            return Fault::refused(format!("`{}`: a newer gtc wrote it", file.display()))
                .hint("restore it with that gtc, or a newer one");
        }
        wrong(format!("its first line is no header: {}", why.message))
    })?;
    let mut packed = Vec::new();
    text.take(CONTENT_MOST).read_to_end(&mut packed).map_err(unreadable)?;
    let (found, wanted) = (packed.len() as u64, header.size_bytes);
    if found != wanted {
        return Err(wrong(format!("{found} bytes follow the header, which says {wanted}")));
    }
    if Digest::of(&packed) != header.digest {
        return Err(wrong("its content is not that of the digest in its header".into()));
    }
    let records = unpack(&header, &packed).map_err(wrong)?;
    Ok((header, records))
}

fn not_whole(file: &Path, why: &str) -> Fault {
    Fault::invalid(format!("`{}` is not a whole backup: {why}", file.display()))
        .hint("gtc op backups list")
}

fn open(file: &Path) -> Result<File, Fault> {
    let shown = file.display();
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            Fault::not_found(format!("there is no file `{shown}`")).hint("gtc op backups list")
        }
        _ => Fault::unavailable(format!("reading `{shown}` failed: {error}")),
    };
    // Looked at first: opening a pipe would wait for whoever writes into it.
    if !std::fs::metadata(file).map_err(failed)?.is_file() {
        return Err(Fault::invalid(format!("`{shown}` is not a file")));
    }
    File::open(file).map_err(failed)
}

fn unpack(header: &BackupHeader, packed: &[u8]) -> Result<Vec<Record>, String> {
    let mut text = Vec::new();
    let unpacked = GzDecoder::new(packed).take(CONTENT_MOST + 1).read_to_end(&mut text);
    unpacked.map_err(|error| format!("its content cannot be unpacked: {error}"))?;
    if text.len() as u64 > CONTENT_MOST {
        return Err(format!("its content is larger than {CONTENT_MOST} bytes"));
    }
    let mut lines = text.split_inclusive(|&b| b == b'\n');
    let content = document::from_json::<BackupContent>(lines.next().unwrap_or_default());
    if content.as_ref() != Ok(&header.content) {
        return Err("its header was changed: the content tells of another backup".into());
    }
    let record = |(i, line): (usize, &[u8])| {
        let line = document::from_json::<Line>(line);
        let record = line.and_then(|l| Record::parse(&l.key, l.record.get().as_bytes()));
        record.map_err(|why| format!("record {}: {}", i + 1, why.message))
    };
    let records = lines.enumerate().map(record).collect::<Result<Vec<_>, String>>()?;
    if records.len() as u64 != header.content.records {
        let (found, wanted) = (records.len(), header.content.records);
        return Err(format!("it holds {found} records, its header says {wanted}"));
    }
    Ok(records)
}
