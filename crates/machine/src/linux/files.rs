//! Directories and files. What is written is written beside its place, made durable and renamed into
//! it: whoever reads it, at any moment, sees the old or the new. Links are never followed.

use std::fs::{self, DirBuilder, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;

use deploy_spec::{Digest, Fault};
use single_vm::Actual;
use single_vm::resource::{Content, Mode, Owner};

use super::accounts::{Names, Numbers};
use super::draft::{Draft, own, parent, permit, sync};
use crate::local::{copy, digest, failed, is_nothing, open};
use crate::sources::Sources;

/// The largest text that a plan shows next to another, in bytes.
const TEXT_MAX: u64 = 64 * 1024;

/// What is at `path`, if anything is; a link is not followed.
pub(super) fn metadata(path: &Path) -> Result<Option<Metadata>, Fault> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_nothing(&error) => Ok(None),
        Err(error) => Err(failed("looking at", path)(error)),
    }
}

fn other(found: &Metadata) -> Actual {
    let kind = found.file_type();
    let what = match (kind.is_symlink(), kind.is_dir(), kind.is_file()) {
        (true, ..) => "a symbolic link",
        (_, true, _) => "a directory",
        (.., true) => "a file",
        _ => "a device, a pipe or a socket",
    };
    Actual::Other { what: what.into() }
}

fn owned(found: &Metadata, names: &Names) -> Result<(Owner, Mode), Fault> {
    #[expect(clippy::cast_possible_truncation, reason = "a mode is the twelve lowest bits")]
    let mode = Mode::new(found.mode() as u16);
    Ok((names.owner(found.uid(), found.gid())?, mode))
}

pub(super) fn directory(path: &Path, names: &Names) -> Result<Option<Actual>, Fault> {
    let Some(found) = metadata(path)? else { return Ok(None) };
    if !found.is_dir() {
        return Ok(Some(other(&found)));
    }
    let (owner, mode) = owned(&found, names)?;
    Ok(Some(Actual::Directory { owner, mode }))
}

/// A file; with its text when `shows_text` and it is one.
pub(super) fn file(path: &Path, names: &Names, shows_text: bool) -> Result<Option<Actual>, Fault> {
    let Some(found) = metadata(path)? else { return Ok(None) };
    if !found.is_file() {
        return Ok(Some(other(&found)));
    }
    let (owner, mode) = owned(&found, names)?;
    let text = match shows_text && found.len() <= TEXT_MAX {
        true => String::from_utf8(fs::read(path).map_err(failed("reading", path))?).ok(),
        false => None,
    };
    let digest = match &text {
        Some(text) => Digest::of(text.as_bytes()),
        None => digest(path)?,
    };
    Ok(Some(Actual::File { owner, mode, digest, text }))
}

/// Makes a directory, or gives it its owner and mode. When the owner of one that holds what a
/// service writes changes, all in it changes with it.
pub(super) fn make_directory(
    path: &Path,
    owner: &Owner,
    mode: Mode,
    names: &Names,
    is_written_to: bool,
) -> Result<(), Fault> {
    let numbers = names.numbers(owner)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed("making", path)(error)),
    }
    let found = metadata(path)?.filter(Metadata::is_dir);
    let found =
        found.ok_or_else(|| Fault::conflict(format!("`{}` is not a directory", path.display())))?;
    let changes_owner = (found.uid(), found.gid()) != (numbers.uid, numbers.gid);
    if changes_owner && is_written_to {
        own_all(path, numbers)?;
    }
    permit(path, numbers, mode)?;
    sync(parent(path))
}

/// The deepest first, so that a cut leaves the directory itself as it was found.
fn own_all(path: &Path, numbers: Numbers) -> Result<(), Fault> {
    for entry in fs::read_dir(path).map_err(failed("reading", path))? {
        let entry = entry.map_err(failed("reading", path))?;
        let inside = entry.path();
        let kind = entry.file_type().map_err(failed("looking at", &inside))?;
        if kind.is_dir() {
            own_all(&inside, numbers)?;
        }
        own(&inside, numbers)?;
    }
    Ok(())
}

/// Writes a file, or gives it its owner and mode when its bytes are right.
pub(super) fn write(
    path: &Path,
    owner: &Owner,
    mode: Mode,
    content: &Content,
    sources: &Sources,
    names: &Names,
) -> Result<(), Fault> {
    let numbers = names.numbers(owner)?;
    let wanted = content.digest();
    if metadata(path)?.is_some_and(|found| found.is_file()) && digest(path)? == wanted {
        return permit(path, numbers, mode);
    }
    let draft = Draft::new(path)?;
    match content {
        Content::Text(text) => {
            draft.file().write_all(text.as_bytes()).map_err(failed("writing", path))?;
        }
        Content::Copy { of, digest } => {
            let from = sources.path(*of)?;
            let copied = copy(&mut open(from)?, &mut draft.file());
            let copied = copied.map_err(failed("copying to", path))?;
            if copied != *digest {
                return Err(Fault::conflict(format!(
                    "`{}` is {copied}, and the plan says {digest}",
                    from.display()
                ))
                .hint("gtc single-vm plan makes one of what it is now"));
            }
        }
    }
    draft.keep(numbers, mode)
}

/// Removes a file, if it is there.
pub(super) fn remove_file(path: &Path) -> Result<(), Fault> {
    match fs::remove_file(path) {
        Ok(()) => sync(parent(path)),
        Err(error) if is_nothing(&error) => Ok(()),
        Err(error) => Err(failed("removing", path)(error)),
    }
}

/// Removes a directory: with all in it, or only when nothing is.
pub(super) fn remove_directory(path: &Path, with_all: bool) -> Result<(), Fault> {
    let removed = match with_all {
        true => fs::remove_dir_all(path),
        false => fs::remove_dir(path),
    };
    match removed {
        Ok(()) => sync(parent(path)),
        Err(error) if is_nothing(&error) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && !with_all => Ok(()),
        Err(error) => Err(failed("removing", path)(error)),
    }
}
