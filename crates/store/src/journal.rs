//! How a commit becomes true.
//!
//! Its document, which holds every file it writes, is made durable under `journal/`: from then on
//! the change is decided, and carrying it out can be repeated as often as the power fails. A
//! second name under `commits/` says that it is done, and tells whoever follows.

use std::collections::BTreeSet;
use std::io;

use deploy_spec::document;

use crate::audit;
use crate::commit::{Commit, FileChange};
use crate::disk::Disk;
use crate::folders::{Found, make_folders};
use crate::layout::{self, AUDIT, COMMITS, JOURNAL};
use crate::prune;

/// Why a commit could not be decided.
pub(crate) struct Undecided {
    pub(crate) error: io::Error,
    /// It could not be taken back either: the next writer carries it out.
    pub(crate) stands: bool,
}

/// Makes durable what a writer that died or failed may have left behind.
pub(crate) fn settle(disk: &dyn Disk) -> io::Result<()> {
    let there = disk.list("")?;
    for folder in [JOURNAL, COMMITS, layout::parent(AUDIT)] {
        if there.iter().any(|name| name == folder) {
            disk.sync_folder(folder)?;
        }
    }
    if disk.read_tail(AUDIT, 0)?.1 > 0 {
        disk.sync(AUDIT)?;
        audit::finish_rotation(disk)?;
    }
    disk.sync_folder("")
}

impl Commit {
    /// Decides the commit: when this returns, it survives a loss of power.
    pub(crate) fn decide(&self, disk: &dyn Disk) -> Result<(), Undecided> {
        let draft = format!("{JOURNAL}/draft");
        let place = self.journal_path();
        make_folders(disk, JOURNAL, Found::Durable)
            .and_then(|()| make_folders(disk, COMMITS, Found::Durable))
            .and_then(|()| disk.write(&draft, &document::to_line(self)))
            .and_then(|()| disk.sync(&draft))
            .and_then(|()| disk.rename(&draft, &place))
            .map_err(|error| Undecided { error, stands: false })?;
        disk.sync_folder(JOURNAL).map_err(|error| {
            let stands = disk.remove(&place).is_err();
            let _ = disk.sync_folder(JOURNAL);
            Undecided { error, stands }
        })
    }

    /// Carries out a decided commit. Repeating it changes nothing.
    pub(crate) fn carry_out(
        &self,
        disk: &dyn Disk,
        found: Found,
        rotate_at: u64,
    ) -> io::Result<()> {
        self.keep_before_images(disk, found)?;
        self.write_files(disk, found)?;
        audit::append_once(disk, &self.audit, rotate_at)?;
        let place = self.journal_path();
        disk.link(&place, &format!("{COMMITS}/{}", layout::commit_name(self.sequence)))?;
        disk.sync_folder(COMMITS)?;
        // Should the old name come back, the one under `commits/` says that it means nothing.
        let _ = disk.remove(&place);
        prune::after(self, disk);
        Ok(())
    }

    fn journal_path(&self) -> String {
        format!("{JOURNAL}/{}", layout::commit_name(self.sequence))
    }

    /// A second name for each file that is about to be replaced: files are replaced, never
    /// changed, so the old bytes stay under it.
    fn keep_before_images(&self, disk: &dyn Disk, found: Found) -> io::Result<()> {
        let mut folders = Vec::new();
        for file in self.files.iter().filter(|file| layout::is_backed_up(&file.path)) {
            let now = disk.read(&file.path)?;
            if now.is_none() || now.as_deref() == file.bytes() {
                continue;
            }
            let backups = layout::backups_of(&file.path);
            make_folders(disk, &backups, found)?;
            let name = layout::commit_name(self.sequence);
            disk.link(&file.path, &format!("{backups}/{name}"))?;
            folders.push(backups);
        }
        folders.iter().try_for_each(|folder| disk.sync_folder(folder))
    }

    fn write_files(&self, disk: &dyn Disk, found: Found) -> io::Result<()> {
        let mut folders = BTreeSet::new();
        for FileChange { path, content, .. } in &self.files {
            make_folders(disk, layout::parent(path), found)?;
            match content {
                Some(content) => replace(disk, path, content.get().as_bytes())?,
                None => disk.remove(path)?,
            }
            folders.insert(layout::parent(path));
        }
        folders.into_iter().try_for_each(|folder| disk.sync_folder(folder))
    }
}

/// Replaces a file so that there is always the old one or the new one.
fn replace(disk: &dyn Disk, path: &str, bytes: &[u8]) -> io::Result<()> {
    let draft = format!("{path}.draft");
    disk.write(&draft, bytes)?;
    disk.sync(&draft)?;
    disk.rename(&draft, path)
}
