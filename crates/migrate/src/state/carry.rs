//! Carrying out what the journal says. Every part can be repeated.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use control::env::StateMove;

use super::journal::LEGACY;
use super::steps::Steps;

/// How many bytes of two files are compared at once.
const PIECE: usize = 64 * 1024;

/// Moves everything that is not moved yet, and removes the folders that are empty then.
pub(super) fn carry_out(
    steps: &dyn Steps,
    environment: &Path,
    moves: &[StateMove],
) -> io::Result<()> {
    for StateMove { from, to } in moves {
        let (from, to) = (Path::new(from), environment.join(to));
        carry(steps, environment, from, &to).map_err(|error| {
            io::Error::new(error.kind(), format!("`{}`: {error}", from.display()))
        })?;
    }
    remove_draft(steps, environment)?;
    moves.iter().try_for_each(|moved| remove_empty(steps, Path::new(&moved.from)))
}

fn carry(steps: &dyn Steps, environment: &Path, from: &Path, to: &Path) -> io::Result<()> {
    match (look(from)?, look(to)?) {
        (Some(_), None) => {
            make_folders(steps, environment, to)?;
            each(from, &mut |path, _| steps.make_private(path))?;
            match steps.rename(from, to) {
                Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                    copy(steps, environment, from, to)?;
                    remove_copied(steps, from, to)?;
                }
                other => other?,
            }
        }
        (None, Some(_)) => {}
        (Some(old), Some(new)) if is_one(&old, &new) && old.is_dir() => {
            return Err(io::Error::other("it has two names at once"));
        }
        (Some(_), Some(_)) => remove_copied(steps, from, to)?,
        (None, None) => return Err(io::Error::other("somebody took it away before it was moved")),
    }
    steps.sync_folder(parent(to))?;
    // Who moved it may have removed the empty folder as well.
    if look(parent(from))?.is_some() { steps.sync_folder(parent(from)) } else { Ok(()) }
}

fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_one(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// Makes the folders from the environment's down to the one that `to` is in.
fn make_folders(steps: &dyn Steps, environment: &Path, to: &Path) -> io::Result<()> {
    let above: Vec<&Path> =
        to.ancestors().skip(1).take_while(|folder| *folder != environment).collect();
    for folder in above.into_iter().rev() {
        steps.make_folder(folder)?;
        steps.sync_folder(parent(folder))?;
    }
    Ok(())
}

/// Shows everything at and below `path`, folders before what is in them.
fn each(path: &Path, see: &mut dyn FnMut(&Path, &Metadata) -> io::Result<()>) -> io::Result<()> {
    let meta = fs::symlink_metadata(path)?;
    if !meta.is_dir() && !meta.is_file() {
        return Err(io::Error::other(format!("`{}` is no file and no folder", path.display())));
    }
    see(path, &meta)?;
    if meta.is_dir() {
        for name in names(path)? {
            each(&name, see)?;
        }
    }
    Ok(())
}

fn names(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

/// Copies to another file system, beside the place first, so that it is there whole or not at all.
fn copy(steps: &dyn Steps, environment: &Path, from: &Path, to: &Path) -> io::Result<()> {
    remove_draft(steps, environment)?;
    let draft = draft(environment);
    let mut folders = Vec::new();
    each(from, &mut |path, meta| {
        let below = path.strip_prefix(from).map_err(io::Error::other)?;
        let place = if below.as_os_str().is_empty() { draft.clone() } else { draft.join(below) };
        if !meta.is_dir() {
            return steps.copy(path, &place);
        }
        steps.make_folder(&place)?;
        folders.push(place);
        Ok(())
    })?;
    folders.iter().try_for_each(|folder| steps.sync_folder(folder))?;
    steps.rename(&draft, to)?;
    steps.sync_folder(parent(to))?;
    steps.sync_folder(parent(&draft))
}

/// Where a copy is made; no provider's name has a dot.
fn draft(environment: &Path) -> PathBuf {
    environment.join(LEGACY).join("copy.draft")
}

/// Removes a copy that was never finished; the original is where it was.
fn remove_draft(steps: &dyn Steps, environment: &Path) -> io::Result<()> {
    let draft = draft(environment);
    if look(&draft)?.is_some() { remove(steps, &draft) } else { Ok(()) }
}

fn remove(steps: &dyn Steps, path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return steps.remove_file(path);
    }
    names(path)?.iter().try_for_each(|name| remove(steps, name))?;
    steps.remove_folder(path)
}

/// Removes what was copied; what is not the same in the copy stays, and is said.
fn remove_copied(steps: &dyn Steps, from: &Path, to: &Path) -> io::Result<()> {
    let differs = || {
        io::Error::other(format!("`{}` and `{}` are not the same", from.display(), to.display()))
    };
    let meta = fs::symlink_metadata(from)?;
    let copy = look(to)?.ok_or_else(differs)?;
    if meta.is_dir() && copy.is_dir() {
        for name in names(from)? {
            remove_copied(steps, &name, &to.join(name.file_name().unwrap_or_default()))?;
        }
        return steps.remove_folder(from);
    }
    let is_same = meta.is_file() && copy.is_file() && have_same_bytes(from, to)?;
    if is_same { steps.remove_file(from) } else { Err(differs()) }
}

fn have_same_bytes(a: &Path, b: &Path) -> io::Result<bool> {
    let (mut a, mut b) = (File::open(a)?, File::open(b)?);
    if a.metadata()?.len() != b.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (Vec::with_capacity(PIECE), Vec::with_capacity(PIECE));
    loop {
        left.clear();
        right.clear();
        a.by_ref().take(PIECE as u64).read_to_end(&mut left)?;
        b.by_ref().take(PIECE as u64).read_to_end(&mut right)?;
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}

/// Removes the environment's, the tenant's and the provider's folder of the old tree, as far up as
/// they are empty.
fn remove_empty(steps: &dyn Steps, from: &Path) -> io::Result<()> {
    for folder in from.ancestors().skip(1).take(3) {
        match steps.remove_folder(folder) {
            Ok(()) => steps.sync_folder(parent(folder))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // The tree may be a folder that others own, and an empty one is no loss.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::DirectoryNotEmpty
                        | io::ErrorKind::PermissionDenied
                        | io::ErrorKind::ResourceBusy
                ) =>
            {
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
