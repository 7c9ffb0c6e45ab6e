//! The 96 bytes at the front of a SquashFS image, checked against the file and the limits.

use deploy_spec::Fault;

use super::expand::Codec;
use crate::image::Image;
use crate::limits::Limits;
use crate::names::refuse_archive;

/// What a 64-bit table position says when there is no such table.
const NO_TABLE: u64 = u64::MAX;
/// Most zero bytes after the image: some tools pad to a flash erase block.
const MOST_PADDING: u64 = 1 << 20;
const SIZE: usize = 96;

/// Where everything is.
#[derive(Debug, Clone, Copy)]
pub(super) struct SuperBlock {
    pub(super) codec: Codec,
    pub(super) block_size: usize,
    /// How many inodes there are, the root's among them.
    pub(super) inode_count: u32,
    /// How many owners and groups there are to choose from.
    pub(super) id_count: u16,
    pub(super) fragment_count: usize,
    pub(super) root_inode: u64,
    pub(super) bytes_used: u64,
    pub(super) inode_table: u64,
    pub(super) directory_table: u64,
    pub(super) fragment_table: u64,
}

impl SuperBlock {
    pub(super) fn read(image: &Image, limits: &Limits) -> Result<Self, Fault> {
        let raw = image.bytes(0, SIZE)?;
        let u16_at = |i: usize| u16::from_le_bytes([raw[i], raw[i + 1]]);
        let u32_at = |i: usize| u32::from(u16_at(i)) | u32::from(u16_at(i + 2)) << 16;
        let u64_at = |i: usize| u64::from(u32_at(i)) | u64::from(u32_at(i + 4)) << 32;
        if (u16_at(28), u16_at(30)) != (4, 0) {
            return Err(refuse_archive("it is not SquashFS version 4.0"));
        }
        let block_size = u32_at(12);
        let sane = (4 << 10..=1 << 20).contains(&block_size) && block_size.is_power_of_two();
        if !sane || block_size.trailing_zeros() != u32::from(u16_at(22)) {
            return Err(refuse_archive("its SquashFS block size is wrong"));
        }
        // An inode may have several names, but there is no reason for more inodes than names.
        crate::tree::too_many((u32_at(4) as usize).saturating_sub(1), limits)?;
        crate::tree::too_many(u32_at(16) as usize, limits)?;
        let superblock = Self {
            codec: Codec::of(u16_at(20))?,
            block_size: block_size as usize,
            inode_count: u32_at(4),
            id_count: u16_at(26),
            fragment_count: u32_at(16) as usize,
            root_inode: u64_at(32),
            bytes_used: u64_at(40),
            inode_table: u64_at(64),
            directory_table: u64_at(72),
            fragment_table: u64_at(80),
        };
        superblock.check(image)?;
        Ok(superblock)
    }

    fn check(&self, image: &Image) -> Result<(), Fault> {
        let ordered = SIZE as u64 <= self.inode_table
            && self.inode_table < self.directory_table
            && self.directory_table <= self.bytes_used
            && (self.fragment_count == 0
                || self.fragment_table != NO_TABLE && self.fragment_table < self.bytes_used);
        if !ordered || self.bytes_used > image.len() {
            return Err(refuse_archive("its SquashFS tables are cut short or out of place"));
        }
        let padding = image.len() - self.bytes_used;
        if padding > MOST_PADDING {
            return Err(refuse_archive("something follows the end of its SquashFS image"));
        }
        let tail = image.bytes(self.bytes_used, usize::try_from(padding).unwrap_or(usize::MAX))?;
        if tail.iter().any(|byte| *byte != 0) {
            return Err(refuse_archive("something follows the end of its SquashFS image"));
        }
        Ok(())
    }
}
