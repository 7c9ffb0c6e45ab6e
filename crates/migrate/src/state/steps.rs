//! The steps in which a tree is moved. Each can fail or be the last before the power goes, so that a
//! test can stand between any two of them.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Changes on the disk of this machine. Files become 0600 and folders 0700, as in the whole store.
pub trait Steps {
    /// Makes a folder; nothing happens when it is there.
    ///
    /// # Errors
    /// As the system reports them; this holds for every step.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;
    /// Makes or replaces a file, durably but for its name.
    ///
    /// # Errors
    /// See [`Steps::make_folder`].
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Copies a file to a name that nothing has, durably but for the name.
    ///
    /// # Errors
    /// See [`Steps::make_folder`].
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Takes all rights from everyone but the owner, who may read and write.
    ///
    /// # Errors
    /// See [`Steps::make_folder`].
    fn make_private(&self, path: &Path) -> io::Result<()>;
    /// Gives a file or folder a name that nothing has.
    ///
    /// # Errors
    /// `AlreadyExists` when something has it, `CrossesDevices` when it lies on another file system;
    /// otherwise see [`Steps::make_folder`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file another name, replacing what had it.
    ///
    /// # Errors
    /// See [`Steps::make_folder`].
    fn replace(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// See [`Steps::make_folder`].
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// See [`Steps::make_folder`].
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    ///
    /// # Errors
    /// See [`Steps::make_folder`].
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealSteps;

impl Steps for RealSteps {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut source = host_fs::open_plain(from)?;
        let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
        io::copy(&mut source, &mut target)?;
        target.set_modified(source.metadata()?.modified()?)?;
        target.sync_all()
    }

    fn make_private(&self, path: &Path) -> io::Result<()> {
        let meta = fs::symlink_metadata(path)?;
        let mode = if meta.is_dir() { 0o700 } else { 0o600 };
        if meta.permissions().mode() & 0o7777 == mode {
            return Ok(());
        }
        fs::set_permissions(path, Permissions::from_mode(mode))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // A file system that cannot look and rename at once; the lock keeps others of us out.
            Err(Errno::INVAL | Errno::NOSYS) if to.symlink_metadata().is_err() => {
                fs::rename(from, to)
            }
            other => Ok(other?),
        }
    }

    fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir(folder)
    }
}
