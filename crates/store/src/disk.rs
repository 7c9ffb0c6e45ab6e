//! The one place that touches the disk. Paths are relative to the environment's folder.
//!
//! Each method is one step that can fail or be the last before the power goes, so that a test can
//! stand between any two of them. Files are 0600, folders 0700, where there are
//! modes.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::time::Duration;

mod names;

use crate::layout::LOCKED;
use crate::lock::{self, Guard};

/// How a lock is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// With other readers.
    Shared,
    /// With nobody.
    Exclusive,
}

/// Steps on a disk. "Durable" means that it survives a loss of power.
pub trait Disk: Send + Sync {
    /// All of a file; none when it is absent.
    ///
    /// # Errors
    /// As the system reports them; this holds for every method.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
    /// The last `most` bytes of a file, and its length; nothing when it is absent.
    ///
    /// # Errors
    /// See [`Disk::read`].
    fn read_tail(&self, path: &str, most: u64) -> io::Result<(Vec<u8>, u64)>;
    /// `most` bytes of a file from an offset on, or what there is of them.
    ///
    /// # Errors
    /// See [`Disk::read`].
    fn read_part(&self, path: &str, from: u64, most: u64) -> io::Result<Vec<u8>>;
    /// The names in a folder, in order; none when it is absent.
    ///
    /// # Errors
    /// See [`Disk::read`].
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// Makes a folder, its parent being there; true when it was not there. Durable once the
    /// parent is synced.
    ///
    /// # Errors
    /// See [`Disk::read`].
    fn make_folder(&self, folder: &str) -> io::Result<bool>;
    /// Makes or replaces a file. Durable once the file and its folder are synced.
    ///
    /// # Errors
    /// See [`Disk::read`].
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Adds to the end of a file, making it if need be. Durable as [`Disk::write`].
    ///
    /// # Errors
    /// See [`Disk::read`].
    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()>;
    /// Cuts a file off. Durable once the file is synced.
    ///
    /// # Errors
    /// See [`Disk::read`].
    fn truncate(&self, path: &str, length: u64) -> io::Result<()>;
    /// Makes the bytes of a file durable.
    ///
    /// # Errors
    /// See [`Disk::read`].
    fn sync(&self, path: &str) -> io::Result<()>;
    /// Makes the names in a folder durable; the empty path is the environment's own folder.
    ///
    /// # Errors
    /// See [`Disk::read`].
    fn sync_folder(&self, folder: &str) -> io::Result<()>;
    /// Gives a file another name, replacing what had it. Durable once both folders are synced.
    ///
    /// # Errors
    /// See [`Disk::read`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Gives a file a second name; nothing happens when that name is taken.
    ///
    /// # Errors
    /// See [`Disk::read`].
    fn link(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a name; nothing happens when it is absent. Durable once the folder is synced.
    ///
    /// # Errors
    /// See [`Disk::read`].
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Holds the environment's lock, the file `.lock`, waiting for it no longer than `patience`.
    ///
    /// # Errors
    /// `WouldBlock` when somebody else held it all the time; otherwise see [`Disk::read`].
    fn lock(&self, mode: LockMode, patience: Duration) -> io::Result<Guard>;
}

/// The disk of this machine.
#[derive(Debug, Clone)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// The disk below `root`.
    #[must_use]
    pub const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }
}

fn absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Disk for RealDisk {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        absent(fs::read(self.path(path)))
    }

    fn read_tail(&self, path: &str, most: u64) -> io::Result<(Vec<u8>, u64)> {
        let Some(mut file) = absent(File::open(self.path(path)))? else {
            return Ok((Vec::new(), 0));
        };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
        let mut tail = Vec::new();
        file.take(most).read_to_end(&mut tail)?;
        Ok((tail, length))
    }

    fn read_part(&self, path: &str, from: u64, most: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path(path))?;
        file.seek(SeekFrom::Start(from))?;
        let mut part = Vec::new();
        file.take(most).read_to_end(&mut part)?;
        Ok(part)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut names = names::of(&self.path(folder))?;
        names.sort_unstable();
        Ok(names)
    }

    fn make_folder(&self, folder: &str) -> io::Result<bool> {
        match host_fs::private_folder().create(self.path(folder)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let file = host_fs::private().write(true).create(true).truncate(true).open(self.path(path));
        file?.write_all(bytes)
    }

    fn append(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        host_fs::private().append(true).create(true).open(self.path(path))?.write_all(bytes)
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        File::options().write(true).open(self.path(path))?.set_len(length)
    }

    fn sync(&self, path: &str) -> io::Result<()> {
        host_fs::sync(&self.path(path))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        host_fs::sync_folder(&self.path(folder))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        match fs::hard_link(self.path(from), self.path(to)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        absent(fs::remove_file(self.path(path))).map(drop)
    }

    fn lock(&self, mode: LockMode, patience: Duration) -> io::Result<Guard> {
        lock::acquire(&self.path(LOCKED), mode, patience)
    }
}
