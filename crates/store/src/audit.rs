//! The audit log: one line per event, each chained to the one before.

use std::io;

use deploy_spec::{AuditEvent, Digest, document};
use serde::Deserialize;

use crate::commit::make_folders;
use crate::disk::Disk;
use crate::layout::{self, AUDIT};

/// How much of the end of the log is read to find its last line; doubled until it is found.
const TAIL: u64 = 16 * 1024;

/// The hash of the last whole line; a torn line behind it, which nobody was told of, is cut off.
pub(crate) fn last_hash(disk: &dyn Disk) -> io::Result<Option<Digest>> {
    let Some(line) = last_line(disk)? else { return Ok(None) };
    #[derive(Deserialize)]
    struct Chained {
        hash: Digest,
    }
    match serde_json::from_slice::<Chained>(&line) {
        Ok(chained) => Ok(Some(chained.hash)),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

fn last_line(disk: &dyn Disk) -> io::Result<Option<Vec<u8>>> {
    let mut most = TAIL;
    loop {
        let (tail, length) = disk.read_tail(AUDIT, most)?;
        let whole = tail.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        let from = tail[..whole.saturating_sub(1)].iter().rposition(|&b| b == b'\n');
        let all_read = tail.len() as u64 == length;
        if from.is_none() && !all_read {
            most *= 2;
            continue;
        }
        if whole < tail.len() {
            disk.truncate(AUDIT, length - (tail.len() - whole) as u64)?;
            disk.sync(AUDIT)?;
        }
        let line = &tail[from.map_or(0, |i| i + 1)..whole];
        return Ok((!line.is_empty()).then(|| line.to_vec()));
    }
}

/// Adds an event durably, unless it is already the last one.
pub(crate) fn append_once(disk: &dyn Disk, event: &AuditEvent) -> io::Result<()> {
    make_folders(disk, layout::parent(AUDIT))?;
    if last_hash(disk)? == event.hash {
        disk.sync(AUDIT)?;
        return disk.sync_folder(layout::parent(AUDIT));
    }
    let mut line = document::to_line(event);
    line.push(b'\n');
    disk.append(AUDIT, &line)?;
    disk.sync(AUDIT)?;
    disk.sync_folder(layout::parent(AUDIT))
}
