//! What is written, and made durable: beside its place first, then renamed into it.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};

use deploy_spec::Fault;
use rustix::fs::OFlags;
use single_vm::resource::Mode;

use super::accounts::Numbers;
use super::files::failed;

/// A file beside its place, gone when it is not kept.
pub(super) struct Draft {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl Draft {
    /// With mode 0600 and this process's owner.
    pub(super) fn new(path: &Path) -> Result<Self, Fault> {
        let made = tempfile::Builder::new().prefix(".gtc-").tempfile_in(parent(path));
        let file = made.map_err(failed("writing", path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    pub(super) fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Puts it into its place.
    pub(super) fn keep(self, numbers: Numbers, mode: Mode) -> Result<(), Fault> {
        permit(self.file.path(), numbers, mode)?;
        let path = &self.path;
        self.file.as_file().sync_all().map_err(failed("writing", path))?;
        self.file.persist(path).map_err(|error| failed("writing", path)(error.error))?;
        sync(parent(path))
    }
}

pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

/// Makes what happened to the entries of a directory durable.
pub(super) fn sync(directory: &Path) -> Result<(), Fault> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(directory, flags, rustix::fs::Mode::empty());
    let done = opened.and_then(rustix::fs::fsync);
    done.map_err(|error| failed("writing", directory)(error.into()))
}

pub(super) fn own(path: &Path, numbers: Numbers) -> Result<(), Fault> {
    let changed = lchown(path, Some(numbers.uid), Some(numbers.gid));
    changed.map_err(failed("changing the owner of", path))
}

/// Owner, then mode: a change of the owner takes bits off.
pub(super) fn permit(path: &Path, numbers: Numbers, mode: Mode) -> Result<(), Fault> {
    own(path, numbers)?;
    let permissions = Permissions::from_mode(mode.bits().into());
    fs::set_permissions(path, permissions).map_err(failed("changing the mode of", path))
}
