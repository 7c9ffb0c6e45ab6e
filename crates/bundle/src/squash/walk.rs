//! Listing a SquashFS image from its root, in a loop and not by recursion.

use std::collections::{HashMap, HashSet};

use deploy_spec::Fault;

use super::data::Fragments;
use super::inode::{DirectoryAt, FileAt, Head, Inode};
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
    /// Where the inode of each number is. The kernel keeps inodes by number, so that two of one
    /// number would be one file to it and two to us.
    numbers: HashMap<u32, Place>,
}

/// Every entry with where its bytes are, sorted by path.
pub(super) fn walk(
    image: &Image,
    superblock: &SuperBlock,
    fragments: &Fragments,
    limits: &Limits,
) -> Result<Vec<Item>, Fault> {
    let blocks = Kept::new(image, superblock, limits.table_bytes);
    let mut walk = Walk {
        superblock,
        fragments,
        limits,
        blocks,
        items: Vec::new(),
        todo: Vec::new(),
        seen: HashSet::new(),
        numbers: HashMap::new(),
    };
    let block = superblock.root_inode >> 16;
    let offset = superblock.root_inode & 0xffff;
    let place = walk.inode_place(block, offset as usize)?;
    match walk.inode("", place)?.1 {
        Inode::Directory(at) => walk.todo.push((String::new(), at)),
        _ => return Err(refuse_archive("its root is not a folder")),
    }
    while let Some((folder, at)) = walk.todo.pop() {
        walk.directory(&folder, at)?;
    }
    if walk.numbers.len() != superblock.inode_count as usize {
        return Err(refuse_archive("it holds other inodes than its folders lead to"));
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

    fn inode(&mut self, path: &str, place: Place) -> Result<(Head, Inode), Fault> {
        let cursor = Cursor::new(place, self.superblock.directory_table);
        let (head, inode) = Inode::read(path, cursor, &mut self.blocks, self.limits)?;
        if head.owners.iter().any(|owner| *owner >= self.superblock.id_count) {
            return Err(refuse(path, "has an owner that the archive does not know"));
        }
        if *self.numbers.entry(head.number).or_insert(place) != place {
            return Err(refuse(path, "has the inode number of something else"));
        }
        if matches!(inode, Inode::Directory(_)) && !self.seen.insert(place) {
            return Err(refuse(path, "is a folder that is in the bundle under two names"));
        }
        Ok((head, inode))
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
            let base = cursor.u32(&mut self.blocks)?;
            left = shorter(left, 12, folder)?;
            if count >= RUN_MOST {
                return Err(refuse(folder, "is a damaged folder"));
            }
            for _ in 0..=count {
                let offset = usize::from(cursor.u16(&mut self.blocks)?);
                let number = cursor.u16(&mut self.blocks)?.cast_signed();
                let number = base.wrapping_add_signed(i32::from(number));
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
                self.entry(folder, &name, (kind, number), place)?;
                last = name;
            }
        }
        Ok(())
    }

    /// `said` is the kind and the inode number that the folder gives the entry.
    fn entry(
        &mut self,
        folder: &str,
        name: &[u8],
        said: (u16, u32),
        at: Place,
    ) -> Result<(), Fault> {
        if name.contains(&b'/') {
            return Err(refuse(&String::from_utf8_lossy(name), "is a name that holds a slash"));
        }
        let joined = match folder {
            "" => name.to_vec(),
            _ => [folder.as_bytes(), b"/", name].concat(),
        };
        let path = checked_path(&joined, self.limits)?.to_owned();
        let (head, inode) = self.inode(&path, at)?;
        if inode.basic_type() != said.0 {
            return Err(refuse(&path, "is of one kind in its folder and of another by itself"));
        }
        if head.number != said.1 {
            return Err(refuse(&path, "has one inode number in its folder and another by itself"));
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
