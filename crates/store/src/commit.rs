//! A commit as it stands in the journal, and how it is carried out.
//!
//! The document holds every file it writes, whole. It is made durable under `journal/`; from then
//! on the change is decided, and carrying it out can be repeated as often as the power fails.
//! Moving it to `commits/` says that it is done, and tells whoever follows.

use std::collections::BTreeSet;
use std::io;

use control::{Change, Key, Transaction};
use deploy_spec::{AuditEvent, EnvironmentId, Fault, document, schema_tag};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::audit;
use crate::corrupt::{io_fault, record_fault};
use crate::disk::Disk;
use crate::layout::{self, COMMITS, JOURNAL};

schema_tag!(
    /// `greentic.commit.v1`
    CommitSchema = "greentic.commit.v1"
);

/// How many commits stay for those who follow; who is further behind reads everything anew.
pub(crate) const COMMITS_KEPT: u64 = 256;
/// How many before-images of one file stay.
const BACKUPS_KEPT: usize = 5;
/// How long an idempotency key is remembered.
const ANSWERS_KEPT_MS: i64 = 7 * 24 * 3600 * 1000;
/// How many idempotency keys one of the 256 ledger folders holds at most.
const ANSWERS_PER_FOLDER: usize = 256;

/// One file that a commit writes, or removes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileChange {
    pub(crate) key: Key,
    pub(crate) path: String,
    /// All of it; null removes the file.
    pub(crate) content: Option<Box<RawValue>>,
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

    pub(crate) fn read(
        environment: &EnvironmentId,
        disk: &dyn Disk,
        path: &str,
    ) -> Result<Option<Self>, Fault> {
        let text =
            disk.read(path).map_err(|error| io_fault(environment, "reading", path, &error))?;
        text.map(|text| {
            document::from_json(&text).map_err(|why| record_fault(environment, disk, path, &why))
        })
        .transpose()
    }

    /// The commit that was decided and perhaps not carried out, if there is one.
    pub(crate) fn in_flight(
        environment: &EnvironmentId,
        disk: &dyn Disk,
    ) -> Result<Option<Self>, Fault> {
        let names = disk
            .list(JOURNAL)
            .map_err(|error| io_fault(environment, "listing", JOURNAL, &error))?;
        let name = names.into_iter().rfind(|name| layout::sequence_of(name).is_some());
        name.map_or(Ok(None), |name| Self::read(environment, disk, &format!("{JOURNAL}/{name}")))
    }

    /// The sequence of the newest commit that was carried out.
    pub(crate) fn newest(environment: &EnvironmentId, disk: &dyn Disk) -> Result<u64, Fault> {
        let names = disk
            .list(COMMITS)
            .map_err(|error| io_fault(environment, "listing", COMMITS, &error))?;
        Ok(names.iter().rev().find_map(|name| layout::sequence_of(name)).unwrap_or(0))
    }

    fn journal_path(&self) -> String {
        format!("{JOURNAL}/{}", layout::commit_name(self.sequence))
    }

    /// Decides the commit: when this returns, it survives a loss of power.
    pub(crate) fn decide(&self, disk: &dyn Disk) -> io::Result<()> {
        make_folders(disk, JOURNAL)?;
        make_folders(disk, COMMITS)?;
        let draft = format!("{JOURNAL}/draft");
        let decided = disk
            .write(&draft, &document::to_line(self))
            .and_then(|()| disk.sync(&draft))
            .and_then(|()| disk.rename(&draft, &self.journal_path()))
            .and_then(|()| disk.sync_folder(JOURNAL));
        if decided.is_err() {
            let _ = disk.remove(&draft);
        }
        decided
    }

    /// Takes back a commit whose decision failed; an error means that it may stand.
    pub(crate) fn take_back(&self, disk: &dyn Disk) -> io::Result<()> {
        disk.remove(&self.journal_path())?;
        disk.sync_folder(JOURNAL)
    }

    /// Carries out a decided commit. Repeating it changes nothing.
    pub(crate) fn carry_out(&self, disk: &dyn Disk) -> io::Result<()> {
        let mut folders = BTreeSet::new();
        for file in &self.files {
            self.keep_before_image(disk, file)?;
            make_folders(disk, layout::parent(&file.path))?;
            match &file.content {
                Some(content) => replace(disk, &file.path, content.get().as_bytes())?,
                None => disk.remove(&file.path)?,
            }
            folders.insert(layout::parent(&file.path));
        }
        for folder in folders {
            disk.sync_folder(folder)?;
        }
        audit::append_once(disk, &self.audit)?;
        disk.rename(
            &self.journal_path(),
            &format!("{COMMITS}/{}", layout::commit_name(self.sequence)),
        )?;
        disk.sync_folder(COMMITS)?;
        disk.sync_folder(JOURNAL)?;
        self.prune(disk);
        Ok(())
    }

    /// A second name for the file that is about to be replaced: files are replaced, never changed,
    /// so the old bytes stay under it.
    fn keep_before_image(&self, disk: &dyn Disk, file: &FileChange) -> io::Result<()> {
        if !layout::is_backed_up(&file.path) {
            return Ok(());
        }
        let Some(now) = disk.read(&file.path)? else { return Ok(()) };
        if file.content.as_ref().is_some_and(|content| content.get().as_bytes() == now) {
            return Ok(());
        }
        let backups = layout::backups_of(&file.path);
        make_folders(disk, &backups)?;
        disk.link(&file.path, &format!("{backups}/{}", layout::commit_name(self.sequence)))
    }

    /// Forgets what nobody needs any more. It may fail: the next commit forgets more.
    fn prune(&self, disk: &dyn Disk) {
        if let Some(old) = self.sequence.checked_sub(COMMITS_KEPT) {
            let _ = disk.remove(&format!("{COMMITS}/{}", layout::commit_name(old)));
        }
        for file in &self.files {
            if layout::is_backed_up(&file.path) {
                let backups = layout::backups_of(&file.path);
                prune_to(disk, &backups, |kept, _| kept >= BACKUPS_KEPT);
            }
            if let Key::Answered(key) = &file.key {
                let oldest = self.audit.ts.as_millisecond() - ANSWERS_KEPT_MS;
                let is_old = |name: &str| {
                    name.split('-')
                        .next()
                        .and_then(|ms| ms.parse().ok())
                        .is_some_and(|ms: i64| ms < oldest)
                };
                prune_to(disk, &layout::answers_folder(key), |kept, name| {
                    kept >= ANSWERS_PER_FOLDER || is_old(name)
                });
            }
        }
    }
}

/// Removes the files for which `goes(how many newer ones stay, name)` says so.
fn prune_to(disk: &dyn Disk, folder: &str, goes: impl Fn(usize, &str) -> bool) {
    let mut kept = 0;
    for name in disk.list(folder).unwrap_or_default().iter().rev() {
        if goes(kept, name) {
            let _ = disk.remove(&format!("{folder}/{name}"));
        } else {
            kept += 1;
        }
    }
}

/// Replaces a file so that there is always the old one or the new one.
fn replace(disk: &dyn Disk, path: &str, bytes: &[u8]) -> io::Result<()> {
    let draft = format!("{path}.draft");
    disk.write(&draft, bytes)?;
    disk.sync(&draft)?;
    disk.rename(&draft, path)
}

/// Makes a folder and those above it, durably.
pub(crate) fn make_folders(disk: &dyn Disk, folder: &str) -> io::Result<()> {
    let mut end = 0;
    while end < folder.len() {
        end = folder[end + 1..].find('/').map_or(folder.len(), |i| end + 1 + i);
        let part = &folder[..end];
        if disk.make_folder(part)? {
            disk.sync_folder(layout::parent(part))?;
        }
    }
    Ok(())
}
