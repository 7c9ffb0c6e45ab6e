//! Reading SquashFS 4.0 in place: gzip, xz, lz4 and zstd images, by positioned reads, within bounds.
//!
//! The format is that of the Linux kernel (`Documentation/filesystems/squashfs.rst`); entries are
//! found through the positions of their inodes, as the kernel finds them, and not by inode number.
//! Opening reads the tables only. Block lists and file data are read when a file is.

mod data;
mod expand;
mod inode;
mod superblock;
mod table;
mod walk;

use std::io::Read;
use std::sync::Arc;

use deploy_spec::Fault;

use crate::entry::Entry;
use crate::image::Image;
use crate::limits::Limits;
use data::{Fragments, Stream};
use inode::FileAt;
use superblock::SuperBlock;

/// The four bytes that every little-endian SquashFS begins with.
pub(crate) const MAGIC: [u8; 4] = *b"hsqs";

/// An open SquashFS image, its files in the order of its sorted entries.
pub(crate) struct Squash {
    image: Arc<Image>,
    superblock: SuperBlock,
    fragments: Fragments,
    files: Vec<Option<FileAt>>,
}

impl Squash {
    /// Reads the tables.
    pub(crate) fn open(image: Arc<Image>, limits: &Limits) -> Result<(Self, Vec<Entry>), Fault> {
        let superblock = SuperBlock::read(&image, limits)?;
        let fragments = Fragments::read(&image, &superblock)?;
        let found = walk::walk(&image, &superblock, &fragments, limits)?;
        let (entries, files) = found.into_iter().unzip();
        Ok((Self { image, superblock, fragments, files }, entries))
    }

    /// Streams the file that is entry `index`; `None` when that is no file.
    pub(crate) fn reader(self: &Arc<Self>, index: usize) -> Option<Box<dyn Read + Send>> {
        let at = self.files.get(index).copied().flatten()?;
        Some(Box::new(Stream::new(Arc::clone(self), at)))
    }
}
