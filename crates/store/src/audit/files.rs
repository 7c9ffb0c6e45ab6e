//! The files of the audit log: the one that is written to, and those that were full.

use std::io;

use crate::disk::Disk;
use crate::layout::{self, AUDIT};

/// How much of a file is read at once, going backwards.
const CHUNK: u64 = 64 * 1024;

/// A file of the log that is full and never changes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rotated {
    /// The number of its first line.
    pub(crate) first: u64,
    pub(crate) path: String,
}

/// Where the file whose first line has this number goes once it is full.
pub(crate) fn rotated_path(first: u64) -> String {
    format!("{}/events-{first:020}.jsonl", layout::parent(AUDIT))
}

/// The full files, oldest first.
pub(crate) fn rotated(disk: &dyn Disk) -> io::Result<Vec<Rotated>> {
    let names = disk.list(layout::parent(AUDIT))?;
    let first =
        |name: &String| name.strip_prefix("events-")?.strip_suffix(".jsonl")?.parse::<u64>().ok();
    let firsts = names.iter().filter_map(first);
    Ok(firsts.map(|first| Rotated { first, path: rotated_path(first) }).collect())
}

/// Whether the file that is written to is also the newest full one: a rotation was cut off.
pub(crate) fn is_half_rotated(disk: &dyn Disk, rotated: &[Rotated]) -> io::Result<bool> {
    let Some(newest) = rotated.last() else { return Ok(false) };
    let current = disk.read_tail(AUDIT, CHUNK)?;
    Ok(current.1 > 0 && current == disk.read_tail(&newest.path, CHUNK)?)
}

/// The lines of a text, without what stands behind the last newline.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = text.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
    text[..whole].split_inclusive(|&b| b == b'\n').map(|line| &line[..line.len() - 1])
}

/// The lines of a file, last first, reading no more of it than is asked for.
pub(crate) struct Backward<'a> {
    disk: &'a dyn Disk,
    path: &'a str,
    /// How many bytes stand before `read`.
    before: u64,
    read: Vec<u8>,
}

impl<'a> Backward<'a> {
    pub(crate) fn new(disk: &'a dyn Disk, path: &'a str) -> io::Result<Self> {
        let (_, length) = disk.read_tail(path, 0)?;
        let mut lines = Self { disk, path, before: length, read: Vec::new() };
        lines.next_line()?; // what stands behind the last newline
        Ok(lines)
    }

    /// The line before the one that was given last; none at the beginning of the file.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            let unsearched = &self.read[..self.read.len() - searched];
            if let Some(at) = unsearched.iter().rposition(|&b| b == b'\n') {
                let line = self.read.split_off(at + 1);
                self.read.truncate(at);
                return Ok(Some(line));
            }
            if self.before == 0 {
                let line = std::mem::take(&mut self.read);
                return Ok((!line.is_empty()).then_some(line));
            }
            searched = self.read.len();
            let size = self.before.min(CHUNK.max(searched as u64));
            self.before -= size;
            let mut more = self.disk.read_part(self.path, self.before, size)?;
            more.append(&mut self.read);
            self.read = more;
        }
    }
}
