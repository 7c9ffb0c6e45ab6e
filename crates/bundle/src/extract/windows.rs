//! Folders by their paths: the one that a bundle goes into, and one that is being filled.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::windows::fs::{symlink_dir, symlink_file};
use std::path::{Path, PathBuf};

use deploy_spec::Fault;

use super::names::usable;
use crate::image::io_fault;
use crate::names::refuse;

/// `ERROR_PRIVILEGE_NOT_HELD`.
const NOT_ALLOWED: i32 = 1314;

/// The folder that a bundle goes into.
pub(super) struct Parent(PathBuf);

impl Parent {
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        fs::read_dir(folder).map(|_| Self(folder.to_owned()))
    }

    /// Whether anything has this name.
    pub(super) fn has(&self, name: &OsStr) -> bool {
        self.0.join(name).symlink_metadata().is_ok()
    }

    /// Makes a folder to be filled.
    pub(super) fn make(&self, name: &str) -> io::Result<Unpacked> {
        let root = self.0.join(name);
        fs::create_dir(&root)?;
        Ok(Unpacked { root, files: Vec::new() })
    }

    /// Gives a folder its final name, unless something has it.
    pub(super) fn publish(&self, from: &str, to: &OsStr) -> io::Result<()> {
        if self.has(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(self.0.join(from), self.0.join(to))
    }
}

/// A folder that is being filled.
pub(super) struct Unpacked {
    root: PathBuf,
    files: Vec<PathBuf>,
}

impl Unpacked {
    /// Makes a folder.
    pub(super) fn folder(&mut self, path: &str) -> Result<(), Fault> {
        fs::create_dir(self.place(path)?).map_err(|error| io_fault("write", path.as_ref(), &error))
    }

    /// Makes an empty file to be written. Whether it can be run is not the file's to say here.
    pub(super) fn file(&mut self, path: &str, _executable: bool) -> Result<File, Fault> {
        let place = self.place(path)?;
        let made = File::options().write(true).create_new(true).open(&place);
        self.files.push(place);
        made.map_err(|error| io_fault("write", path.as_ref(), &error))
    }

    /// Makes a symbolic link; of the two kinds there are, the one for what it leads to.
    pub(super) fn link(&mut self, path: &str, target: &str) -> Result<(), Fault> {
        let place = self.place(path)?;
        let target = PathBuf::from(target.replace('/', "\\"));
        let leads_to = place.parent().unwrap_or(&self.root).join(&target);
        let made = match leads_to.is_dir() {
            true => symlink_dir(&target, &place),
            false => symlink_file(&target, &place),
        };
        made.map_err(|error| match error.raw_os_error() {
            Some(NOT_ALLOWED) => {
                refuse(path, "is a link, which Windows lets nobody make by default")
                    .hint("turn on the developer mode of Windows, or unpack it in WSL")
            }
            _ => io_fault("write", path.as_ref(), &error),
        })
    }

    /// Flushes everything.
    pub(super) fn finish(self) -> io::Result<()> {
        self.files.iter().try_for_each(|file| host_fs::sync(file))
    }

    fn place(&self, path: &str) -> Result<PathBuf, Fault> {
        match path.split('/').all(usable) {
            true => Ok(self.root.join(path.replace('/', "\\"))),
            false => Err(refuse(path, "has a name that means something else on Windows")
                .hint("unpack it in WSL, or rename it in the folder that is packed")),
        }
    }
}
