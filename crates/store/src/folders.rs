//! Making folders so that a loss of power leaves no file without one.

use std::io;

use crate::disk::Disk;
use crate::layout;

/// What a folder that is already there is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Whoever made it also made it durable.
    Durable,
    /// Its maker may have died in between.
    Perhaps,
}

/// Makes a folder and those above it, durably.
pub(crate) fn make_folders(disk: &dyn Disk, folder: &str, found: Found) -> io::Result<()> {
    let ends = folder.match_indices('/').map(|(i, _)| i).chain([folder.len()]);
    for part in ends.map(|end| &folder[..end]).filter(|part| !part.is_empty()) {
        if disk.make_folder(part)? || found == Found::Perhaps {
            disk.sync_folder(layout::parent(part))?;
        }
    }
    Ok(())
}
