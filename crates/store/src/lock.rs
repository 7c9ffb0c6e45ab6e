//! One writer or many readers. The lock belongs to the kernel, so a killed holder lets go.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use deploy_spec::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::disk::LockMode;

/// Who holds the lock for writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The account.
    pub user: String,
    /// The process.
    pub pid: u32,
    /// The command, such as `traffic set`.
    pub command: String,
    /// Since when.
    pub since: Timestamp,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { user, pid, command, since } = self;
        write!(f, "{user} (process {pid}, `{command}`, since {since})")
    }
}

/// The lock, while it is held.
pub struct Guard(#[expect(dead_code, reason = "dropping it lets go of the lock")] Option<File>);

impl Guard {
    /// A guard of nothing: for disks that only one can reach.
    #[must_use]
    pub const fn of_nothing() -> Self {
        Self(None)
    }
}

/// How often a waiting process looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

pub(crate) fn acquire(path: &Path, mode: LockMode, patience: Duration) -> io::Result<Guard> {
    let file = open(path, mode)?;
    let operation = match mode {
        LockMode::Shared => FlockOperation::NonBlockingLockShared,
        LockMode::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    let deadline = Instant::now() + patience;
    while let Err(error) = flock(&file, operation) {
        if error != rustix::io::Errno::WOULDBLOCK && error != rustix::io::Errno::INTR {
            return Err(error.into());
        }
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        std::thread::park_timeout(LOOK_AGAIN);
    }
    Ok(Guard(Some(file)))
}

/// A reader may have no right to write, so it only opens the file that a writer made.
fn open(path: &Path, mode: LockMode) -> io::Result<File> {
    let shared = (mode == LockMode::Shared).then(|| File::open(path));
    match shared {
        Some(Ok(file)) => Ok(file),
        _ => OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path),
    }
}
