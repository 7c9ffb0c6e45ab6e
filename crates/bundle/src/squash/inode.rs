//! Inodes: what a directory entry of a SquashFS image leads to.

use deploy_spec::Fault;

use super::table::{Blocks, Cursor, Place};
use crate::limits::Limits;
use crate::names::refuse;

/// What a fragment index says when a file has no fragment.
pub(super) const NO_FRAGMENT: u32 = u32::MAX;
const NO_XATTR: u32 = u32::MAX;
const SETUID_OR_SETGID: u16 = 0o6000;
const ANY_EXECUTE: u16 = 0o111;

/// Where a file's bytes are.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileAt {
    pub(super) size: u64,
    /// Position in the image of its first whole block.
    pub(super) start: u64,
    pub(super) fragment: u32,
    pub(super) fragment_offset: u32,
    /// Where its block list is; read when the file is.
    pub(super) blocks: Place,
    pub(super) executable: bool,
}

/// Where a directory's entries are.
#[derive(Debug, Clone, Copy)]
pub(super) struct DirectoryAt {
    /// Relative to the directory table.
    pub(super) block: u32,
    pub(super) offset: u16,
    /// Three more than the bytes of its entries, as the format has it.
    pub(super) size: u32,
}

/// What every inode begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) number: u32,
    /// Which owner and which group of the table of ids.
    pub(super) owners: [u16; 2],
}

/// The kinds of inode that a bundle may hold.
pub(super) enum Inode {
    Directory(DirectoryAt),
    File(FileAt),
    Symlink(Vec<u8>),
}

impl Inode {
    /// The basic type number that a directory entry must carry for this inode.
    pub(super) fn basic_type(&self) -> u16 {
        match self {
            Self::Directory(_) => 1,
            Self::File(_) => 2,
            Self::Symlink(_) => 3,
        }
    }

    /// Reads the inode under `cursor`, which `path` names.
    pub(super) fn read(
        path: &str,
        mut cursor: Cursor,
        from: &mut impl Blocks,
        limits: &Limits,
    ) -> Result<(Head, Self), Fault> {
        let kind = cursor.u16(from)?;
        let mode = cursor.u16(from)?;
        let owners = [cursor.u16(from)?, cursor.u16(from)?];
        let _modified = cursor.u32(from)?;
        let head = Head { number: cursor.u32(from)?, owners };
        if mode & SETUID_OR_SETGID != 0 {
            return Err(refuse(path, "is setuid or setgid"));
        }
        let (inode, xattr) = match kind {
            1 => (basic_directory(&mut cursor, from)?, NO_XATTR),
            8 => extended_directory(&mut cursor, from)?,
            2 => (basic_file(&mut cursor, from, mode)?, NO_XATTR),
            9 => extended_file(&mut cursor, from, mode)?,
            3 => (symlink(path, &mut cursor, from, limits)?, NO_XATTR),
            10 => {
                let inode = symlink(path, &mut cursor, from, limits)?;
                (inode, cursor.u32(from)?)
            }
            4 | 5 | 11 | 12 => return Err(refuse(path, "is a device")),
            6 | 13 => return Err(refuse(path, "is a named pipe")),
            7 | 14 => return Err(refuse(path, "is a socket")),
            _ => return Err(refuse(path, "is of an unknown kind")),
        };
        // Among these are file capabilities, which do what setuid does.
        if xattr != NO_XATTR {
            return Err(refuse(path, "carries extended attributes"));
        }
        Ok((head, inode))
    }
}

fn basic_directory(cursor: &mut Cursor, from: &mut impl Blocks) -> Result<Inode, Fault> {
    let block = cursor.u32(from)?;
    let _links = cursor.u32(from)?;
    let size = u32::from(cursor.u16(from)?);
    let offset = cursor.u16(from)?;
    Ok(Inode::Directory(DirectoryAt { block, offset, size }))
}

fn extended_directory(cursor: &mut Cursor, from: &mut impl Blocks) -> Result<(Inode, u32), Fault> {
    let _links = cursor.u32(from)?;
    let size = cursor.u32(from)?;
    let block = cursor.u32(from)?;
    let _parent = cursor.u32(from)?;
    let _index = cursor.u16(from)?;
    let offset = cursor.u16(from)?;
    let xattr = cursor.u32(from)?;
    Ok((Inode::Directory(DirectoryAt { block, offset, size }), xattr))
}

fn basic_file(cursor: &mut Cursor, from: &mut impl Blocks, mode: u16) -> Result<Inode, Fault> {
    let start = u64::from(cursor.u32(from)?);
    let fragment = cursor.u32(from)?;
    let fragment_offset = cursor.u32(from)?;
    let size = u64::from(cursor.u32(from)?);
    let executable = mode & ANY_EXECUTE != 0;
    let blocks = cursor.place();
    Ok(Inode::File(FileAt { size, start, fragment, fragment_offset, blocks, executable }))
}

fn extended_file(
    cursor: &mut Cursor,
    from: &mut impl Blocks,
    mode: u16,
) -> Result<(Inode, u32), Fault> {
    let start = cursor.u64(from)?;
    let size = cursor.u64(from)?;
    let _holes = cursor.u64(from)?;
    let _links = cursor.u32(from)?;
    let fragment = cursor.u32(from)?;
    let fragment_offset = cursor.u32(from)?;
    let xattr = cursor.u32(from)?;
    let executable = mode & ANY_EXECUTE != 0;
    let blocks = cursor.place();
    Ok((Inode::File(FileAt { size, start, fragment, fragment_offset, blocks, executable }), xattr))
}

fn symlink(
    path: &str,
    cursor: &mut Cursor,
    from: &mut impl Blocks,
    limits: &Limits,
) -> Result<Inode, Fault> {
    let _links = cursor.u32(from)?;
    let len = cursor.u32(from)? as usize;
    if len > limits.target_bytes {
        let why = format!("is a link whose target is over {} bytes", limits.target_bytes);
        return Err(refuse(path, why));
    }
    let mut target = vec![0; len];
    cursor.fill(from, &mut target)?;
    Ok(Inode::Symlink(target))
}
