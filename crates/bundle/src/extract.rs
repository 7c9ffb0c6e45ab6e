//! Unpacking a bundle into a new folder.
//!
//! Everything is made relative to the open handle of the folder it belongs in, one part of a path at
//! a time and never through a link, so that nobody who swaps a folder for a link meanwhile redirects
//! a byte. The folder appears under its name whole or not at all. Windows has no such handles: there it
//! is made by paths, in a new folder whose name nobody can guess.

#[cfg_attr(unix, path = "extract/unix.rs")]
#[cfg_attr(windows, path = "extract/windows.rs")]
mod unpacked;
// Of use on Windows alone; a rule that no test of ours would ever meet is none.
#[cfg(any(windows, test))]
mod names;

use std::io::{self, Read};
use std::path::Path;

use deploy_spec::Fault;
use serde::Serialize;

use crate::archive::{Archive, unreadable};
use crate::entry::EntryKind;
use crate::image::io_fault;
use unpacked::{Parent, Unpacked};

/// The beginning of the name that the folder has until it is whole.
const TEMPORARY: &str = ".gtbundle-";

/// What was unpacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Extraction {
    /// The folder, as it was named.
    pub path: String,
    /// Files, folders and links in it.
    pub entries: usize,
    /// Bytes of all files together.
    pub bytes: u64,
}

/// Unpacks a bundle into `target`, which must not be there and whose parent must be.
///
/// Folders and executables get the mode 0755, other files 0644. Every file is held to its declared
/// size and checksum as it is written.
///
/// # Errors
/// `conflict` when `target` is there; `refused` when a file is not what the archive declares, or
/// when somebody changes the folder meanwhile (named in `details.entry`); `not-found` and
/// `unavailable` from the file system. Nothing is left behind, unless somebody keeps changing it: then
/// under a name that begins with `.gtbundle-`.
pub fn extract(archive: &Archive, target: &Path) -> Result<Extraction, Fault> {
    let failed = |error: io::Error| io_fault("write", target, &error);
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let Some(name) = target.file_name() else {
        return Err(Fault::invalid(format!("`{}` is no name for a folder", target.display()))
            .hint("name a folder that is not there"));
    };
    let parent = Parent::open(folder).map_err(failed)?;
    if parent.has(name) {
        return Err(taken(target));
    }
    let temporary = temporary_name()?;
    let written = parent.make(&temporary).map_err(failed).and_then(|mut unpacked| {
        let bytes = fill(archive, &mut unpacked)?;
        unpacked.finish().map_err(failed)?;
        match parent.publish(&temporary, name) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(taken(target)),
            Err(error) => Err(failed(error)),
        }
    });
    let bytes = written.inspect_err(|_| {
        // What made it fail is the story; what cannot be removed is found by its name.
        let _ = std::fs::remove_dir_all(folder.join(&temporary));
    })?;
    let entries = archive.entries().len();
    Ok(Extraction { path: target.display().to_string(), entries, bytes })
}

/// Folders and files first, so that no link is there yet when they are made.
fn fill(archive: &Archive, unpacked: &mut Unpacked) -> Result<u64, Fault> {
    let mut bytes = 0;
    for entry in archive.entries() {
        match entry.kind {
            EntryKind::Directory => unpacked.folder(&entry.path)?,
            EntryKind::File => {
                let mut from = archive.reader(&entry.path)?;
                bytes += copy(&mut from, unpacked, &entry.path, entry.executable)?;
            }
            EntryKind::Symlink => {}
        }
    }
    for entry in archive.entries().iter().filter(|entry| entry.kind == EntryKind::Symlink) {
        unpacked.link(&entry.path, entry.target.as_deref().unwrap_or_default())?;
    }
    Ok(bytes)
}

fn copy(
    from: &mut dyn Read,
    unpacked: &mut Unpacked,
    path: &str,
    executable: bool,
) -> Result<u64, Fault> {
    let mut file = unpacked.file(path, executable)?;
    let mut buffer = vec![0; 64 << 10];
    let mut len = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(len),
            Ok(n) => {
                let written = std::io::Write::write_all(&mut file, &buffer[..n]);
                written.map_err(|error| io_fault("write", Path::new(path), &error))?;
                len += n as u64;
            }
            Err(error) => return Err(unreadable(path, error)),
        }
    }
}

fn temporary_name() -> Result<String, Fault> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Fault::unavailable(format!("there are no random bytes: {error}")))?;
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{TEMPORARY}{hex}.tmp"))
}

fn taken(target: &Path) -> Fault {
    Fault::conflict(format!("`{}` is there already", target.display()))
        .hint("name a folder that is not there")
}

#[cfg(test)]
mod tests;
