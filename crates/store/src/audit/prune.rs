//! Forgetting the oldest part of the audit log, and saying so.

use std::io;

use deploy_spec::Fault;
use serde::Serialize;

use crate::audit::Link;
use crate::audit::files::{self, Backward, Rotated};
use crate::audit::head::{self, PRUNED, Pruned, PrunedSchema};
use crate::corrupt::io_fault;
use crate::disk::Disk;
use crate::layout::{self, AUDIT};
use crate::lock::Holder;
use crate::prune::Removal;
use crate::root::EnvironmentStore;

/// A full file of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RotatedFile {
    /// Its path, relative to the environment's folder.
    pub file: String,
    /// The number of its first line.
    pub first: u64,
    /// Its size, in bytes.
    pub size_bytes: u64,
}

/// What became of the oldest part of the log, or would become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditPruned {
    /// The files that went, oldest first.
    pub removed: Vec<RotatedFile>,
    /// How many full files stay.
    pub kept: usize,
}

impl EnvironmentStore {
    /// Removes all full files of the audit log but the newest `keep`. What was removed is written
    /// down first, so that [`EnvironmentStore::audit_verify`] tells it from a loss.
    ///
    /// # Errors
    /// As [`EnvironmentStore::write`].
    pub fn audit_prune(
        &self,
        keep: usize,
        removal: Removal,
        holder: &Holder,
    ) -> Result<AuditPruned, Fault> {
        let _writer = self.write(holder)?;
        pruned(&*self.disk, keep, removal)
            .map_err(|error| io_fault(&self.id, "pruning", AUDIT, &error))
    }
}

fn pruned(disk: &dyn Disk, keep: usize, removal: Removal) -> io::Result<AuditPruned> {
    let mut files = files::rotated(disk)?;
    let kept = files.split_off(files.len().saturating_sub(keep));
    let shown = |file: &Rotated| -> io::Result<RotatedFile> {
        let (_, size_bytes) = disk.read_tail(&file.path, 0)?;
        Ok(RotatedFile { file: file.path.clone(), first: file.first, size_bytes })
    };
    let removed = files.iter().map(shown).collect::<io::Result<_>>()?;
    if removal == Removal::Remove
        && let Some(newest) = files.last()
    {
        remember(disk, newest)?;
        for file in &files {
            disk.remove(&file.path)?;
        }
        disk.sync_folder(layout::parent(AUDIT))?;
    }
    Ok(AuditPruned { removed, kept: kept.len() })
}

/// Writes down, durably, that everything up to the end of `newest` goes.
fn remember(disk: &dyn Disk, newest: &Rotated) -> io::Result<()> {
    let text = disk.read(&newest.path)?.unwrap_or_default();
    let Some(line) = Backward::new(disk, &newest.path)?.next_line()? else { return Ok(()) };
    let count = newest.first - 1 + files::lines(&text).count() as u64;
    let pruned = Pruned { schema: PrunedSchema, count, hash: Link::of(&line)?.hash };
    head::write(disk, PRUNED, &pruned)?;
    disk.sync_folder(layout::parent(AUDIT))
}
