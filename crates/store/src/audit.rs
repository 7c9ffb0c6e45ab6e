//! The audit log: one line per event, each chained to the one before, across the files that the
//! log is cut into.
//!
//! A full file is given a second name before it loses its first, so that no crash loses it. The
//! chain has no key: who may write all of these files may also write all of them anew.

mod files;
mod head;
mod list;
mod prune;
mod verify;

use std::io;

use deploy_spec::{AuditEvent, Digest, document};
use serde::Deserialize;

use crate::disk::Disk;
use crate::folders::{Found, make_folders};
use crate::layout::{self, AUDIT};
use head::{HEAD, Head, HeadSchema, PRUNED, Pruned};

pub use list::{AuditFilter, AuditOrder, AuditOutcome, AuditPage};
pub use prune::{AuditPruned, RotatedFile};
pub use verify::{AuditProblem, AuditReport};

/// How large the file that is written to may grow before a new one is begun, in bytes.
pub(crate) const ROTATE_AT: u64 = 16 * 1024 * 1024;
/// How much of the end of the log is read to find its last line; doubled until it is found.
const TAIL: u64 = 16 * 1024;

/// The end of the log.
pub(crate) struct End {
    /// What the next line is chained to. When the log is shorter than its anchor says, this is
    /// what the anchor says: the break in the chain then shows for good.
    pub(crate) hash: Option<Digest>,
    /// How many lines were ever written.
    count: u64,
    /// The last line of the file that is written to.
    last: Option<Digest>,
    /// The number of the first line of that file.
    first: u64,
    /// The length of that file, in bytes.
    length: u64,
    anchor: Anchor,
}

/// What the anchor says of the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    /// The same; or that there were more lines, and then it is believed.
    Right,
    /// Less: a crash came between a line and its anchor.
    Behind,
    /// Nothing.
    Absent,
}

impl End {
    fn anchor(&self, disk: &dyn Disk) -> io::Result<()> {
        let Self { hash, count, first, length, .. } = self;
        let (hash, count, first, length) = (hash.clone(), *count, *first, *length);
        head::write(disk, HEAD, &Head { schema: HeadSchema, count, hash, first, length })
    }
}

/// Finds the end of the log; what a loss of power has torn, and nobody was told of, is cut off.
pub(crate) fn end(disk: &dyn Disk) -> io::Result<End> {
    let (last, length) = last_line(disk)?;
    let Some(head) = head::read::<Head>(disk, HEAD)? else { return recount(disk, last, length) };
    let behind =
        if length == 0 || last == head.hash { None } else { lines_behind(disk, &head, length)? };
    Ok(match behind {
        Some((more, from)) => {
            let first = if from == 0 { head.count + 1 } else { head.first };
            let (count, hash) = (head.count + more, last.clone());
            End { hash, count, last, first, length, anchor: Anchor::Behind }
        }
        None => {
            let first = if length == 0 { head.count + 1 } else { head.first };
            let Head { count, hash, .. } = head;
            End { hash, count, last, first, length, anchor: Anchor::Right }
        }
    })
}

/// How many lines a crash left behind the anchor, and where they begin; none when what stands
/// there does not follow it.
fn lines_behind(disk: &dyn Disk, head: &Head, length: u64) -> io::Result<Option<(u64, u64)>> {
    for from in [head.length, 0] {
        if from >= length {
            continue;
        }
        let text = disk.read_part(AUDIT, from, length - from)?;
        let first = files::lines(&text).next().and_then(|line| Link::of(line).ok());
        if first.is_some_and(|first| first.prev_hash == head.hash) {
            return Ok(Some((files::lines(&text).count() as u64, from)));
        }
    }
    Ok(None)
}

/// The end of a log without an anchor, by counting.
fn recount(disk: &dyn Disk, last: Option<Digest>, length: u64) -> io::Result<End> {
    let pruned = head::read::<Pruned>(disk, PRUNED)?;
    let (mut count, mut hash) = pruned.map_or((0, None), |p| (p.count, Some(p.hash)));
    let mut full = files::rotated(disk)?;
    if files::is_half_rotated(disk, &full)? {
        full.pop();
    }
    if let Some(newest) = full.pop() {
        let text = disk.read(&newest.path)?.unwrap_or_default();
        count = newest.first - 1 + files::lines(&text).count() as u64;
        hash = files::lines(&text).last().map(Link::of).transpose()?.map(|link| link.hash);
    }
    let text = disk.read(AUDIT)?.unwrap_or_default();
    let (first, more) = (count + 1, files::lines(&text).count() as u64);
    let hash = last.clone().or(hash);
    Ok(End { hash, count: count + more, last, first, length, anchor: Anchor::Absent })
}

/// The hash of the last line of the file that is written to, and the length of the file.
fn last_line(disk: &dyn Disk) -> io::Result<(Option<Digest>, u64)> {
    let mut most = TAIL;
    loop {
        let (tail, length) = disk.read_tail(AUDIT, most)?;
        let whole = tail.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        let before = tail[..whole.saturating_sub(1)].iter().rposition(|&b| b == b'\n');
        if before.is_none() && (tail.len() as u64) < length {
            most *= 2;
            continue;
        }
        let start = before.map_or(0, |i| i + 1);
        let line = &tail[start..whole];
        // Blocks that were never written read as zeros, which JSON has none of.
        let keep = if line.contains(&0) { start } else { whole };
        if keep == tail.len() {
            let link = (!line.is_empty()).then(|| Link::of(line)).transpose()?;
            return Ok((link.map(|link| link.hash), length));
        }
        // Durable with the line that takes its place; should it come back, it is cut off again.
        disk.truncate(AUDIT, length - (tail.len() - keep) as u64)?;
    }
}

/// What chains a line.
#[derive(Deserialize)]
struct Link {
    prev_hash: Option<Digest>,
    hash: Digest,
}

impl Link {
    fn of(line: &[u8]) -> io::Result<Self> {
        serde_json::from_slice(line)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// Adds an event durably, with its anchor, unless it is already the last one.
pub(crate) fn append_once(disk: &dyn Disk, event: &AuditEvent, rotate_at: u64) -> io::Result<()> {
    make_folders(disk, layout::parent(AUDIT), Found::Durable)?;
    let mut end = end(disk)?;
    if end.last.is_some() && end.last == event.hash {
        return if end.anchor == Anchor::Right { Ok(()) } else { end.anchor(disk) };
    }
    if end.anchor == Anchor::Absent {
        // From the first line on there is an anchor: that there is none says that it was removed.
        end.anchor(disk)?;
        disk.sync_folder(layout::parent(AUDIT))?;
    }
    if end.length >= rotate_at.max(1) {
        rotate(disk, &end)?;
        end.first = end.count + 1;
        end.length = 0;
    }
    let mut line = document::to_line(event);
    line.push(b'\n');
    let added = disk.append(AUDIT, &line).and_then(|()| disk.sync(AUDIT));
    if added.is_err() {
        // What a sync failed to keep, the next sync does not keep either: it must be written anew.
        let _ = disk.truncate(AUDIT, end.length);
        return added;
    }
    if end.length == 0 {
        disk.sync_folder(layout::parent(AUDIT))?;
    }
    let length = end.length + line.len() as u64;
    End { hash: event.hash.clone(), count: end.count + 1, length, ..end }.anchor(disk)
}

/// Puts the file aside that is written to. The anchor must say exactly where it ends, because
/// nothing else tells the next writer where the chain goes on.
fn rotate(disk: &dyn Disk, end: &End) -> io::Result<()> {
    if end.anchor == Anchor::Behind {
        end.anchor(disk)?;
    }
    disk.link(AUDIT, &files::rotated_path(end.first))?;
    disk.sync_folder(layout::parent(AUDIT))?;
    forget_first_name(disk)
}

fn forget_first_name(disk: &dyn Disk) -> io::Result<()> {
    disk.remove(AUDIT)?;
    disk.sync_folder(layout::parent(AUDIT))
}

/// Finishes a rotation that a crash cut off. The anchor may have been lost with what was not yet
/// durable, so it is written again before the file goes that tells where the log ends.
pub(crate) fn finish_rotation(disk: &dyn Disk) -> io::Result<()> {
    if !files::is_half_rotated(disk, &files::rotated(disk)?)? {
        return Ok(());
    }
    let end = end(disk)?;
    if end.anchor == Anchor::Behind {
        end.anchor(disk)?;
        disk.sync_folder(layout::parent(AUDIT))?;
    }
    forget_first_name(disk)
}
