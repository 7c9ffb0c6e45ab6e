//! Files on Windows.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::windows::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use same_file::Handle;

/// `FILE_FLAG_OPEN_REPARSE_POINT` of `CreateFileW`: a link itself, and not what it leads to.
const NOT_THROUGH_LINKS: u32 = 0x0020_0000;
/// `ERROR_STOPPED_ON_SYMLINK`.
const IT_IS_A_LINK: i32 = 681;

pub(crate) fn making(_: u32) -> OpenOptions {
    OpenOptions::new()
}

pub(crate) fn private_folder() -> DirBuilder {
    DirBuilder::new()
}

pub(crate) fn mode(_: &Metadata) -> Option<u32> {
    None
}

pub(crate) fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}

pub(crate) fn owner(_: &Metadata) -> Option<u32> {
    None
}

pub(crate) fn own_account() -> Option<u32> {
    None
}

pub(crate) fn is_program(path: &Path, _: &Metadata) -> io::Result<bool> {
    let mut magic = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut magic)?;
    Ok(magic == *b"\x7fELF" || magic.starts_with(b"#!"))
}

/// The end of its name says so, and [`crate::find_command`] looks for no other.
pub(crate) fn can_be_run(_: &Metadata) -> bool {
    true
}

pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).custom_flags(NOT_THROUGH_LINKS).open(path)?;
    match file.metadata()?.is_symlink() {
        true => Err(io::Error::from_raw_os_error(IT_IS_A_LINK)),
        false => Ok(file),
    }
}

pub(crate) fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(IT_IS_A_LINK)
}

pub(crate) fn is_same(one: &File, other: &File) -> io::Result<bool> {
    Ok(Handle::from_file(one.try_clone()?)? == Handle::from_file(other.try_clone()?)?)
}

/// When it was made and last written, and its size.
pub(crate) type Stamp = (u64, u64, u64);

pub(crate) fn stamp(meta: &Metadata) -> Stamp {
    (meta.creation_time(), meta.last_write_time(), meta.file_size())
}

pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}

pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        match file.seek_read(&mut buffer[done..], offset + done as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => done += read,
        }
    }
    Ok(())
}

/// Only who may write a file may flush it.
pub(crate) fn sync(path: &Path) -> io::Result<()> {
    File::options().write(true).open(path)?.sync_all()
}

/// NTFS keeps names in a journal of its own, and there is no call for a folder.
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
