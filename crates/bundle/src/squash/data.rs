//! The bytes of files: whole blocks, holes, and tails shared in fragments.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use deploy_spec::Fault;

use super::Squash;
use super::inode::{FileAt, NO_FRAGMENT};
use super::superblock::SuperBlock;
use super::table::{Cursor, Passing, block};
use crate::image::{Image, into_io};
use crate::names::{refuse, refuse_archive};

/// The bit of a block's size that says it is stored as it is.
const STORED: u32 = 1 << 24;
/// Fragments of one lookup block: 8 192 bytes of 16 each.
const PER_BLOCK: usize = 512;
/// Expanded fragments kept for the next small file: 1 MiB at the usual block size.
const KEPT: usize = 8;

/// The fragment table, and the last few fragments that were expanded.
pub(super) struct Fragments {
    table: Vec<(u64, u32)>,
    kept: Mutex<VecDeque<(u32, Arc<Vec<u8>>)>>,
}

impl Fragments {
    pub(super) fn read(image: &Image, superblock: &SuperBlock) -> Result<Self, Fault> {
        let count = superblock.fragment_count;
        let pointers = image.bytes(
            if count == 0 { 0 } else { superblock.fragment_table },
            count.div_ceil(PER_BLOCK) * 8,
        )?;
        let mut table = Vec::with_capacity(count);
        for pointer in pointers.chunks_exact(8) {
            let at = u64::from_le_bytes(pointer.try_into().unwrap_or_default());
            if at >= superblock.bytes_used {
                return Err(refuse_archive("its SquashFS fragment table is damaged"));
            }
            let rows = block(image, superblock, at)?.bytes;
            let wanted = (count - table.len()).min(PER_BLOCK);
            table.extend(rows.chunks_exact(16).take(wanted).map(|row| {
                let (start, size) = row.split_at(8);
                let start = u64::from_le_bytes(start.try_into().unwrap_or_default());
                (start, u32::from_le_bytes(size[..4].try_into().unwrap_or_default()))
            }));
        }
        if table.len() != count {
            return Err(refuse_archive("its SquashFS fragment table is damaged"));
        }
        Ok(Self { table, kept: Mutex::default() })
    }

    /// Whether the tail of a file can be where its inode says.
    pub(super) fn check(&self, path: &str, at: &FileAt, sb: &SuperBlock) -> Result<(), Fault> {
        let tail = at.size % sb.block_size as u64;
        let outside = at.fragment as usize >= self.table.len()
            || u64::from(at.fragment_offset) + tail > sb.block_size as u64;
        if at.fragment != NO_FRAGMENT && outside {
            return Err(refuse(path, "points outside the fragments of the archive"));
        }
        Ok(())
    }
}

impl Squash {
    fn fragment(&self, number: u32) -> Result<Arc<Vec<u8>>, Fault> {
        let kept = || self.fragments.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = kept().iter().find(|(n, _)| *n == number) {
            return Ok(Arc::clone(bytes));
        }
        let row = self.fragments.table.get(number as usize);
        let (at, size) = *row.ok_or_else(|| refuse_archive("a fragment is missing"))?;
        let bytes = Arc::new(self.block_at(at, size)?);
        let mut kept = kept();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back((number, Arc::clone(&bytes)));
        Ok(bytes)
    }

    /// Reads and expands a data block; never more than a block's worth.
    fn block_at(&self, at: u64, size: u32) -> Result<Vec<u8>, Fault> {
        let len = (size & !STORED) as usize;
        let end = at.checked_add(len as u64);
        if len > self.superblock.block_size || end.is_none_or(|e| e > self.superblock.bytes_used) {
            return Err(refuse_archive("one of its blocks is larger than it may be"));
        }
        let packed = self.image.bytes(at, len)?;
        if size & STORED != 0 {
            return Ok(packed);
        }
        self.superblock.codec.expand(&packed, self.superblock.block_size)
    }
}

/// Streams one file, a block at a time.
pub(super) struct Stream {
    squash: Arc<Squash>,
    at: FileAt,
    blocks: Cursor,
    next: u64,
    left: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl Stream {
    pub(super) fn new(squash: Arc<Squash>, at: FileAt) -> Self {
        let blocks = Cursor::new(at.blocks, squash.superblock.directory_table);
        Self { squash, at, blocks, next: at.start, left: at.size, buffer: Vec::new(), used: 0 }
    }

    fn advance(&mut self) -> Result<(), Fault> {
        let block_size = self.squash.superblock.block_size;
        let want = usize::try_from(self.left).map_or(block_size, |left| left.min(block_size));
        self.buffer = if want < block_size && self.at.fragment != NO_FRAGMENT {
            let start = self.at.fragment_offset as usize;
            let fragment = self.squash.fragment(self.at.fragment)?;
            fragment.get(start..start + want).unwrap_or_default().to_vec()
        } else {
            let mut from = Passing(&self.squash.image, &self.squash.superblock);
            match self.blocks.u32(&mut from)? {
                0 => vec![0; want],
                size => {
                    let bytes = self.squash.block_at(self.next, size)?;
                    self.next += u64::from(size & !STORED);
                    bytes
                }
            }
        };
        self.used = 0;
        if self.buffer.len() != want {
            self.buffer.clear();
            return Err(refuse_archive("one of its blocks is not of the size it declares"));
        }
        self.left -= want as u64;
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.used == self.buffer.len() && self.left > 0 && !out.is_empty() {
            self.advance().map_err(into_io)?;
        }
        let rest = &self.buffer[self.used..];
        let n = rest.len().min(out.len());
        out[..n].copy_from_slice(&rest[..n]);
        self.used += n;
        Ok(n)
    }
}
