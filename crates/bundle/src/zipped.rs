//! Reading ZIP in place, strictly: one reading of the archive, or none.
//!
//! The format is PKWARE's APPNOTE.TXT 6.3. Two ZIP readers can see two archives in the same bytes
//! when headers disagree, entries overlap, or there are two ends; all of that is refused. Entries
//! must fill the file from its first byte to the central directory without a gap.

mod central;
mod data;
mod end;
mod extra;
mod local;

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use deploy_spec::Fault;

use crate::entry::{Entry, EntryKind};
use crate::image::{Image, from_io};
use crate::limits::Limits;
use crate::names::refuse;
use central::Header;
use data::{FileAt, Stream};

/// The four bytes that the first entry of a ZIP begins with.
pub(crate) const MAGIC: [u8; 4] = *b"PK\x03\x04";

/// An open ZIP archive, its files in the order of its sorted entries.
pub(crate) struct Zipped {
    image: Arc<Image>,
    files: Vec<Option<FileAt>>,
}

impl Zipped {
    /// Reads the central directory and every local header.
    pub(crate) fn open(image: Arc<Image>, limits: &Limits) -> Result<(Self, Vec<Entry>), Fault> {
        let end = end::read(&image, limits)?;
        let headers = central::read(&image, &end, limits)?;
        let placed = local::place(&image, headers, end.directory_start)?;
        let mut items = Vec::with_capacity(placed.len());
        for (header, at) in placed {
            items.push(item(&image, header, at, limits)?);
        }
        add_folders(&mut items, limits)?;
        items.sort_by(|a, b| a.0.path.cmp(&b.0.path));
        let (entries, files) = items.into_iter().unzip();
        Ok((Self { image, files }, entries))
    }

    /// Streams the file that is entry `index`; `None` when that is no file.
    pub(crate) fn reader(&self, index: usize) -> Option<Box<dyn Read + Send>> {
        let at = self.files.get(index).copied().flatten()?;
        Some(Box::new(Stream::new(Arc::clone(&self.image), at)))
    }
}

fn item(
    image: &Arc<Image>,
    header: Header,
    at: FileAt,
    limits: &Limits,
) -> Result<(Entry, Option<FileAt>), Fault> {
    let Header { path, kind, executable, .. } = header;
    match kind {
        EntryKind::Directory => Ok((Entry::directory(path), None)),
        EntryKind::File => Ok((Entry::file(path, at.size, executable), Some(at))),
        EntryKind::Symlink => {
            if at.size > limits.target_bytes as u64 {
                let why = format!("is a link whose target is over {} bytes", limits.target_bytes);
                return Err(refuse(&path, why));
            }
            let mut target = Vec::new();
            Stream::new(Arc::clone(image), at).read_to_end(&mut target).map_err(from_io)?;
            match String::from_utf8(target) {
                Ok(target) => Ok((Entry::symlink(path, target), None)),
                Err(_) => Err(refuse(&path, "is a link to a name that is not UTF-8")),
            }
        }
    }
}

/// A ZIP need not list the folders its files are in; a bundle does.
fn add_folders(items: &mut Vec<(Entry, Option<FileAt>)>, limits: &Limits) -> Result<(), Fault> {
    let listed: BTreeSet<&str> = items.iter().map(|(entry, _)| entry.path.as_str()).collect();
    let mut missing: BTreeSet<&str> = BTreeSet::new();
    for (entry, _) in items.iter() {
        let mut path = entry.path.as_str();
        while let Some((parent, _)) = path.rsplit_once('/') {
            if listed.contains(parent) || !missing.insert(parent) {
                break;
            }
            path = parent;
        }
        crate::tree::too_many(listed.len() + missing.len(), limits)?;
    }
    let missing: Vec<String> = missing.into_iter().map(str::to_owned).collect();
    items.extend(missing.into_iter().map(|path| (Entry::directory(path), None)));
    Ok(())
}
