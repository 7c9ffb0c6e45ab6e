//! What the systems know of files in ways of their own: who may use one, which account owns it,
//! whether it can be run, and what makes it last. Everything else asks here, so that what Windows
//! does not have is said in one place.
//!
//! Unix has modes and numbers of accounts. Windows has lists of access, which a file takes over from
//! the folder it is made in: in a user's profile that is the user, the system and its
//! administrators. There a mode and an owner are [`None`], and nothing is refused because of them.

#[cfg(unix)]
#[path = "unix.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Options by which a file that is made is its owner's only (0600).
#[must_use]
pub fn private() -> OpenOptions {
    system::making(0o600)
}

/// Options by which a file that is made can be read by everybody (0644).
#[must_use]
pub fn public() -> OpenOptions {
    system::making(0o644)
}

/// How a folder is made that is its owner's only (0700).
#[must_use]
pub fn private_folder() -> DirBuilder {
    system::private_folder()
}

/// The permission bits of a file (`chmod(2)`); none where there are no modes.
#[must_use]
pub fn mode(meta: &Metadata) -> Option<u32> {
    system::mode(meta)
}

/// Gives an open file these permission bits, where there are modes.
///
/// # Errors
/// As the system reports them; this holds for every function.
pub fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    system::set_mode(file, mode)
}

/// Whether a file has nothing for anybody but its owner, as far as its mode says.
#[must_use]
pub fn is_private(meta: &Metadata) -> bool {
    mode(meta).is_none_or(|mode| mode & 0o077 == 0)
}

/// Whether others than the owner may write it, as far as its mode says.
#[must_use]
pub fn others_may_write(meta: &Metadata) -> bool {
    mode(meta).is_some_and(|mode| mode & 0o022 != 0)
}

/// The number of the account that a file belongs to; none where accounts have no numbers.
#[must_use]
pub fn owner(meta: &Metadata) -> Option<u32> {
    system::owner(meta)
}

/// The number of the account that this process acts for; none where accounts have no numbers.
#[must_use]
pub fn own_account() -> Option<u32> {
    system::own_account()
}

/// Whether the file at `path` is a program. Where no mode says so, its first bytes do: `#!` of a
/// script or the magic number of ELF, which is what a bundle can run.
///
/// # Errors
/// See [`set_mode`].
pub fn is_program(path: &Path, meta: &Metadata) -> io::Result<bool> {
    system::is_program(path, meta)
}

/// The file of a command on a search path. Entries that depend on the working folder are passed
/// over, so that no folder one happens to be in can stand in for a tool.
#[must_use]
pub fn find_command(path: &OsStr, name: &str) -> Option<PathBuf> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(&name))
        .find(|file| file.metadata().is_ok_and(|meta| meta.is_file() && system::can_be_run(&meta)))
}

/// Opens a file to read it: never through a link at the end of the path, and without waiting for
/// whoever would write into a pipe. See [`is_link`].
///
/// # Errors
/// See [`set_mode`].
pub fn open_plain(path: &Path) -> io::Result<File> {
    system::open_plain(path)
}

/// Whether [`open_plain`] failed because a link is there.
#[must_use]
pub fn is_link(error: &io::Error) -> bool {
    system::is_link(error)
}

/// Whether both are one file, by whatever names they were opened.
///
/// # Errors
/// See [`set_mode`].
pub fn is_same(one: &File, other: &File) -> io::Result<bool> {
    system::is_same(one, other)
}

/// What tells one version of a file from the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(system::Stamp);

impl Stamp {
    /// That of the file which was looked at.
    #[must_use]
    pub fn of(meta: &Metadata) -> Self {
        Self(system::stamp(meta))
    }
}

/// Reads at an offset and wherever else the file was read; 0 at its end.
///
/// # Errors
/// See [`set_mode`].
#[inline]
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    system::read_at(file, buffer, offset)
}

/// Fills `buffer` from an offset on.
///
/// # Errors
/// `UnexpectedEof` when the file is too short; otherwise see [`set_mode`].
#[inline]
pub fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    system::read_exact_at(file, buffer, offset)
}

/// Makes the bytes of a file durable.
///
/// # Errors
/// See [`set_mode`].
pub fn sync(path: &Path) -> io::Result<()> {
    system::sync(path)
}

/// Makes the names in a folder durable, where the system does not do so by itself.
///
/// # Errors
/// See [`set_mode`].
pub fn sync_folder(path: &Path) -> io::Result<()> {
    system::sync_folder(path)
}

#[cfg(test)]
mod tests;
