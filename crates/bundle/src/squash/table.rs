//! Metadata blocks: how SquashFS stores inodes, directories and lookup tables.

use std::collections::HashMap;
use std::sync::Arc;

use deploy_spec::Fault;

use super::superblock::SuperBlock;
use crate::image::Image;
use crate::names::refuse_archive;

/// Bytes of a metadata block once expanded, at most.
const BLOCK: usize = 8192;
const STORED: u16 = 1 << 15;

/// One expanded metadata block, and where the next one begins.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    next: u64,
}

/// Reads the metadata block at `at`.
pub(super) fn block(image: &Image, superblock: &SuperBlock, at: u64) -> Result<Block, Fault> {
    let head = image.bytes(at, 2)?;
    let word = u16::from_le_bytes([head[0], head[1]]);
    let len = usize::from(word & !STORED);
    let next = at + 2 + len as u64;
    if len == 0 || len > BLOCK || next > superblock.bytes_used {
        return Err(refuse_archive("one of its SquashFS tables is damaged"));
    }
    let packed = image.bytes(at + 2, len)?;
    let bytes = if word & STORED == 0 { superblock.codec.expand(&packed, BLOCK)? } else { packed };
    if bytes.is_empty() {
        return Err(refuse_archive("one of its SquashFS tables is damaged"));
    }
    Ok(Block { bytes, next })
}

/// A place in a table: the position of a metadata block in the image, and an offset in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) block: u64,
    pub(super) offset: usize,
}

/// Where a [`Cursor`] gets its blocks from.
pub(super) trait Blocks {
    fn fetch(&mut self, at: u64) -> Result<Arc<Block>, Fault>;
}

/// Metadata blocks read once and kept while the archive is being opened, within a budget.
pub(super) struct Kept<'a> {
    image: &'a Image,
    superblock: &'a SuperBlock,
    kept: HashMap<u64, Arc<Block>>,
    budget: u64,
}

impl<'a> Kept<'a> {
    pub(super) fn new(image: &'a Image, superblock: &'a SuperBlock, budget: u64) -> Self {
        Self { image, superblock, kept: HashMap::new(), budget }
    }
}

impl Blocks for Kept<'_> {
    fn fetch(&mut self, at: u64) -> Result<Arc<Block>, Fault> {
        if let Some(block) = self.kept.get(&at) {
            return Ok(Arc::clone(block));
        }
        self.budget = self
            .budget
            .checked_sub(BLOCK as u64)
            .ok_or_else(|| refuse_archive("its SquashFS tables are larger than the limit"))?;
        let block = Arc::new(block(self.image, self.superblock, at)?);
        self.kept.insert(at, Arc::clone(&block));
        Ok(block)
    }
}

/// Metadata blocks read one at a time, as a file is.
pub(super) struct Passing<'a>(pub(super) &'a Image, pub(super) &'a SuperBlock);

impl Blocks for Passing<'_> {
    fn fetch(&mut self, at: u64) -> Result<Arc<Block>, Fault> {
        block(self.0, self.1, at).map(Arc::new)
    }
}

/// Reads forward through a table, from block to block.
pub(super) struct Cursor {
    place: Place,
    end: u64,
    here: Option<Arc<Block>>,
}

impl Cursor {
    /// Begins at `place`; no block at or after `end` is read.
    pub(super) fn new(place: Place, end: u64) -> Self {
        Self { place, end, here: None }
    }

    /// Where the next byte is.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Fills `out`.
    pub(super) fn fill(&mut self, from: &mut impl Blocks, mut out: &mut [u8]) -> Result<(), Fault> {
        while !out.is_empty() {
            let block = match &self.here {
                Some(block) => Arc::clone(block),
                None if self.place.block >= self.end => {
                    return Err(refuse_archive("one of its SquashFS tables runs past its end"));
                }
                None => from.fetch(self.place.block)?,
            };
            let Some(rest) = block.bytes.get(self.place.offset..) else {
                return Err(refuse_archive("it points past the end of a SquashFS table"));
            };
            let n = rest.len().min(out.len());
            let (now, later) = out.split_at_mut(n);
            now.copy_from_slice(&rest[..n]);
            out = later;
            self.place.offset += n;
            self.here = Some(Arc::clone(&block));
            if self.place.offset == block.bytes.len() {
                self.place = Place { block: block.next, offset: 0 };
                self.here = None;
            }
        }
        Ok(())
    }

    /// The next `N` bytes.
    pub(super) fn take<const N: usize>(
        &mut self,
        from: &mut impl Blocks,
    ) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.fill(from, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn u16(&mut self, from: &mut impl Blocks) -> Result<u16, Fault> {
        self.take(from).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self, from: &mut impl Blocks) -> Result<u32, Fault> {
        self.take(from).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, from: &mut impl Blocks) -> Result<u64, Fault> {
        self.take(from).map(u64::from_le_bytes)
    }
}
