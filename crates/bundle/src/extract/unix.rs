//! Folders by handles and never by paths: the one that a bundle goes into, and one that is being
//! filled.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use deploy_spec::Fault;
use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::image::io_fault;
use crate::names::refuse;

/// What is opened on the way to an entry: a folder, never a link.
const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// A file that is not there.
const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
const EXECUTABLE: Mode = Mode::from_raw_mode(0o755);
const PLAIN: Mode = Mode::from_raw_mode(0o644);

/// The folder that a bundle goes into.
pub(super) struct Parent(OwnedFd);

impl Parent {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::open(folder, flags, Mode::empty())?))
    }

    /// Whether anything has this name.
    pub(super) fn has(&self, name: &OsStr) -> bool {
        rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Makes a folder to be filled, which nobody else may enter.
    pub(super) fn make(&self, name: &str) -> io::Result<Unpacked> {
        rustix::fs::mkdirat(&self.0, name, Mode::RWXU)?;
        Unpacked::open(&self.0, name)
    }

    /// Gives a folder its final name, unless something has it.
    pub(super) fn publish(&self, from: &str, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat_with(&self.0, from, &self.0, to, RenameFlags::NOREPLACE)?)
    }
}

/// A folder that is being filled.
pub(super) struct Unpacked {
    root: OwnedFd,
    /// The folders on the way to the last entry, with their names: the next is often a neighbour.
    way: Vec<(String, OwnedFd)>,
}

impl Unpacked {
    /// Opens the folder `name` of `parent`.
    pub(super) fn open(parent: impl AsFd, name: &str) -> io::Result<Self> {
        let root = rustix::fs::openat(parent, name, FOLDER, Mode::empty())?;
        Ok(Self { root, way: Vec::new() })
    }

    /// Makes a folder.
    pub(super) fn folder(&mut self, path: &str) -> Result<(), Fault> {
        let (parent, name) = self.parent_of(path)?;
        let made = rustix::fs::mkdirat(parent, name, EXECUTABLE).and_then(|()| {
            // The mask of the process does not decide what is in the folder.
            let folder = rustix::fs::openat(parent, name, FOLDER, Mode::empty())?;
            rustix::fs::fchmod(folder, EXECUTABLE)
        });
        made.map_err(|error| disturbed(path, error))
    }

    /// Makes an empty file to be written.
    pub(super) fn file(&mut self, path: &str, executable: bool) -> Result<File, Fault> {
        let mode = if executable { EXECUTABLE } else { PLAIN };
        let (parent, name) = self.parent_of(path)?;
        let made = rustix::fs::openat(parent, name, NEW_FILE, mode)
            .and_then(|file| rustix::fs::fchmod(&file, mode).map(|()| file));
        made.map(File::from).map_err(|error| disturbed(path, error))
    }

    /// Makes a symbolic link.
    pub(super) fn link(&mut self, path: &str, target: &str) -> Result<(), Fault> {
        let (parent, name) = self.parent_of(path)?;
        rustix::fs::symlinkat(target, parent, name).map_err(|error| disturbed(path, error))
    }

    /// Flushes everything and lets everybody in.
    pub(super) fn finish(self) -> io::Result<()> {
        rustix::fs::fchmod(&self.root, EXECUTABLE)?;
        Ok(flush(&self.root)?)
    }

    /// The handle of the folder that `path` is in, and its name there.
    fn parent_of<'a>(&mut self, path: &'a str) -> Result<(BorrowedFd<'_>, &'a str), Fault> {
        let (folders, name) =
            path.rsplit_once('/').map_or(("", path), |(folders, name)| (folders, name));
        let mut known = 0;
        for (i, part) in folders.split('/').filter(|part| !part.is_empty()).enumerate() {
            if self.way.get(i).is_some_and(|(known, _)| known == part) {
                known = i + 1;
                continue;
            }
            self.way.truncate(i);
            let here = self.way.last().map_or(self.root.as_fd(), |(_, folder)| folder.as_fd());
            let folder = rustix::fs::openat(here, part, FOLDER, Mode::empty())
                .map_err(|error| disturbed(path, error))?;
            self.way.push((part.to_owned(), folder));
            known = i + 1;
        }
        self.way.truncate(known);
        let here = self.way.last().map_or(self.root.as_fd(), |(_, folder)| folder.as_fd());
        Ok((here, name))
    }
}

/// Why an entry cannot be made. What was checked and made is gone, or something else is there.
fn disturbed(path: &str, error: Errno) -> Fault {
    match error {
        Errno::LOOP | Errno::NOTDIR | Errno::EXIST | Errno::NOENT => {
            refuse(path, "cannot be unpacked, because somebody changes the folder meanwhile")
                .hint("unpack it into a folder that nobody else can write to")
        }
        _ => io_fault("write", Path::new(path), &error.into()),
    }
}

/// One call for all files of the file system that `folder` is on.
#[cfg(target_os = "linux")]
fn flush(folder: &OwnedFd) -> Result<(), Errno> {
    rustix::fs::syncfs(folder)
}

/// Where there is none for one file system, that for all of them; it does not say when it is done.
#[cfg(not(target_os = "linux"))]
fn flush(_: &OwnedFd) -> Result<(), Errno> {
    rustix::fs::sync();
    Ok(())
}
