//! Listing a SquashFS image from its root, in a loop and not by recursion.

use std::collections::HashSet;

use deploy_spec::Fault;

use super::data::Fragments;
use super::inode::{DirectoryAt, FileAt, Inode};
use super::superblock::SuperBlock;
use super::table::{Cursor, Kept, Place};
use crate::entry::Entry;
use crate::image::Image;
use crate::limits::Limits;
use crate::names::{checked_path, refuse, refuse_archive};

/// Most bytes of one name in the format.
const NAME_MOST: usize = 256;
/// Most entries behind one directory header.
const RUN_MOST: u32 = 256;

type Item = (Entry, Option<FileAt>);

struct Walk<'a> {
    superblock: &'a SuperBlock,
    fragments: &'a Fragments,
    limits: &'a Limits,
    blocks: Kept<'a>,
    items: Vec<Item>,
    todo: Vec<(String, DirectoryAt)>,
    seen: HashSet<Place>,
}

/// Every entry with where its bytes are, sorted by path.
pub(super) fn walk(
    image: &Image,
    superblock: &SuperBlock,
    fragments: &Fragments,
    limits: &Limits,
) -> Result<Vec<Item>, Fault> {
    let blocks = Kept::new(image, superblock, limits.table_bytes);
    let (items, todo, seen) = (Vec::new(), Vec::new(), HashSet::new());
    let mut walk = Walk { superblock, fragments, limits, blocks, items, todo, seen };
    let block = superblock.root_inode >> 16;
    let offset = superblock.root_inode & 0xffff;
    let place = walk.inode_place(block, offset as usize)?;
    match walk.inode("", place)? {
        Inode::Directory(at) => walk.todo.push((String::new(), at)),
        _ => return Err(refuse_archive("its root is not a folder")),
    }
    while let Some((folder, at)) = walk.todo.pop() {
        walk.directory(&folder, at)?;
    }
    walk.items.sort_unstable_by(|a, b| a.0.path.cmp(&b.0.path));
    Ok(walk.items)
}

impl Walk<'_> {
    /// `block` is relative to the inode table.
    fn inode_place(&self, block: u64, offset: usize) -> Result<Place, Fault> {
        let block = self.superblock.inode_table.checked_add(block);
        match block.filter(|at| *at < self.superblock.directory_table) {
            Some(block) => Ok(Place { block, offset }),
            None => Err(refuse_archive("it points outside its SquashFS inode table")),
        }
    }

    fn inode(&mut self, path: &str, place: Place) -> Result<Inode, Fault> {
        let cursor = Cursor::new(place, self.superblock.directory_table);
        let inode = Inode::read(path, cursor, &mut self.blocks, self.limits)?;
        if matches!(inode, Inode::Directory(_)) && !self.seen.insert(place) {
            return Err(refuse(path, "is a folder that is in the bundle under two names"));
        }
        Ok(inode)
    }

    fn directory(&mut self, folder: &str, at: DirectoryAt) -> Result<(), Fault> {
        let block = self.superblock.directory_table + u64::from(at.block);
        let place = Place { block, offset: usize::from(at.offset) };
        let mut cursor = Cursor::new(place, self.superblock.bytes_used);
        let mut left = u64::from(at.size.saturating_sub(3));
        let mut last: Vec<u8> = Vec::new();
        while left > 0 {
            let count = cursor.u32(&mut self.blocks)?;
            let inodes = u64::from(cursor.u32(&mut self.blocks)?);
            let _number = cursor.u32(&mut self.blocks)?;
            left = shorter(left, 12, folder)?;
            if count >= RUN_MOST {
                return Err(refuse(folder, "is a damaged folder"));
            }
            for _ in 0..=count {
                let offset = usize::from(cursor.u16(&mut self.blocks)?);
                let _number = cursor.u16(&mut self.blocks)?;
                let kind = cursor.u16(&mut self.blocks)?;
                let len = usize::from(cursor.u16(&mut self.blocks)?) + 1;
                left = shorter(left, 8 + len as u64, folder)?;
                if len > NAME_MOST {
                    return Err(refuse(folder, "holds a name that is too long"));
                }
                let mut name = vec![0; len];
                cursor.fill(&mut self.blocks, &mut name)?;
                // The kernel's lookup relies on this order; it also rules out the same name twice.
                if name <= last {
                    let name = String::from_utf8_lossy(&name);
                    return Err(refuse(&name, "is in its folder twice, or out of order"));
                }
                let place = self.inode_place(inodes, offset)?;
                self.entry(folder, &name, kind, place)?;
                last = name;
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: &str, name: &[u8], kind: u16, at: Place) -> Result<(), Fault> {
        if name.contains(&b'/') {
            return Err(refuse(&String::from_utf8_lossy(name), "is a name that holds a slash"));
        }
        let joined = match folder {
            "" => name.to_vec(),
            _ => [folder.as_bytes(), b"/", name].concat(),
        };
        let path = checked_path(&joined, self.limits)?.to_owned();
        let inode = self.inode(&path, at)?;
        if inode.basic_type() != kind {
            return Err(refuse(&path, "is of one kind in its folder and of another by itself"));
        }
        let item = match inode {
            Inode::Directory(at) => {
                self.todo.push((path.clone(), at));
                (Entry::directory(path), None)
            }
            Inode::File(at) => {
                self.fragments.check(&path, &at, self.superblock)?;
                (Entry::file(path, at.size, at.executable), Some(at))
            }
            Inode::Symlink(target) => match String::from_utf8(target) {
                Ok(target) => (Entry::symlink(path, target), None),
                Err(_) => return Err(refuse(&path, "is a link to a name that is not UTF-8")),
            },
        };
        self.items.push(item);
        crate::tree::too_many(self.items.len(), self.limits)
    }
}

fn shorter(left: u64, by: u64, folder: &str) -> Result<u64, Fault> {
    left.checked_sub(by).ok_or_else(|| refuse(folder, "is a damaged folder"))
}
