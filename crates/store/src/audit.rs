//! The audit log: one line per event, each chained to the one before.

use std::io;

use deploy_spec::{AuditEvent, Digest, document};
use serde::Deserialize;

use crate::disk::Disk;
use crate::folders::{Found, make_folders};
use crate::layout::{self, AUDIT};

/// How much of the end of the log is read to find its last line; doubled until it is found.
const TAIL: u64 = 16 * 1024;

/// The end of the log.
pub(crate) struct End {
    /// The hash of the last line.
    pub(crate) hash: Option<Digest>,
    /// The length of the log, in bytes.
    length: u64,
}

/// Finds the end of the log; what a loss of power has torn, and nobody was told of, is cut off.
pub(crate) fn end(disk: &dyn Disk) -> io::Result<End> {
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
            return Ok(End { hash: hash_of(line)?, length });
        }
        // Durable with the line that takes its place; should it come back, it is cut off again.
        disk.truncate(AUDIT, length - (tail.len() - keep) as u64)?;
    }
}

fn hash_of(line: &[u8]) -> io::Result<Option<Digest>> {
    #[derive(Deserialize)]
    struct Chained {
        hash: Digest,
    }
    if line.is_empty() {
        return Ok(None);
    }
    let chained: Chained = serde_json::from_slice(line)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(Some(chained.hash))
}

/// Adds an event durably, unless it is already the last one.
pub(crate) fn append_once(disk: &dyn Disk, event: &AuditEvent) -> io::Result<()> {
    make_folders(disk, layout::parent(AUDIT), Found::Durable)?;
    let end = end(disk)?;
    if end.hash.is_some() && end.hash == event.hash {
        return Ok(());
    }
    let mut line = document::to_line(event);
    line.push(b'\n');
    let added = disk.append(AUDIT, &line).and_then(|()| disk.sync(AUDIT));
    if added.is_err() {
        // What a sync failed to keep, the next sync does not keep either: it must be written anew.
        let _ = disk.truncate(AUDIT, end.length);
        return added;
    }
    if end.length == 0 { disk.sync_folder(layout::parent(AUDIT)) } else { Ok(()) }
}
