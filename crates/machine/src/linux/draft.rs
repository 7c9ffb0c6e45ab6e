//! What is written, and made durable: beside its place first, then renamed into it.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};

use deploy_spec::Fault;
use rustix::fs::OFlags;
use single_vm::resource::Mode;

use super::accounts::Numbers;
use super::files::{metadata, remove_directory, remove_file};
use crate::local::failed;

/// Where what becomes `path` is written. By this name, what a crash left is found again.
pub(super) fn draft_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent(path).join(format!(".gtc-{name}"))
}

/// Removes what a crash left beside `path`.
pub(super) fn sweep(path: &Path) -> Result<(), Fault> {
    let draft = draft_of(path);
    match metadata(&draft)? {
        Some(found) if found.is_dir() => remove_directory(&draft, true),
        Some(_) => remove_file(&draft),
        None => Ok(()),
    }
}

/// A file beside its place. Only who has claimed the deployment makes one.
pub(super) struct Draft {
    file: File,
    path: PathBuf,
}

impl Draft {
    /// With mode 0600 and this process's owner.
    pub(super) fn new(path: &Path) -> Result<Self, Fault> {
        sweep(path)?;
        let made = File::options().write(true).create_new(true).mode(0o600).open(draft_of(path));
        let file = made.map_err(failed("writing", path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// Puts it into its place.
    pub(super) fn keep(self, numbers: Numbers, mode: Mode) -> Result<(), Fault> {
        let (path, draft) = (&self.path, draft_of(&self.path));
        permit(&draft, numbers, mode)?;
        self.file.sync_all().map_err(failed("writing", path))?;
        fs::rename(draft, path).map_err(failed("writing", path))?;
        sync(parent(path))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It is not there any more when it was kept.
        let _ = fs::remove_file(draft_of(&self.path));
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
