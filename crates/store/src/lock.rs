//! One writer or many readers. The lock belongs to the kernel, so a killed holder lets go.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use deploy_spec::Timestamp;
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
/// How long a reader lets writers go first.
const MANNERS: Duration = Duration::from_millis(100);
/// The file that says that a writer waits; it stands beside the lock.
const TURN: &str = ".turn";

pub(crate) fn acquire(path: &Path, mode: LockMode, patience: Duration) -> io::Result<Guard> {
    let deadline = Instant::now() + patience;
    let _turn = turn(path, mode, deadline)?;
    let Some(file) = open(path, mode)? else { return Ok(Guard(None)) };
    wait(&file, mode, deadline)?;
    Ok(Guard(Some(file)))
}

/// A writer keeps this while it waits, and readers queue behind it: else readers that overlap
/// would keep a writer out for ever. A reader waits no longer than [`MANNERS`], so that one who
/// reads twice at once never waits for a writer that waits for itself.
fn turn(path: &Path, mode: LockMode, deadline: Instant) -> io::Result<Option<File>> {
    let path = path.with_file_name(TURN);
    let file = match mode {
        LockMode::Exclusive => open(&path, mode)?,
        LockMode::Shared => File::open(path).ok(),
    };
    let Some(file) = file else { return Ok(None) };
    match mode {
        LockMode::Exclusive => wait(&file, mode, deadline)?,
        LockMode::Shared => {
            let _ = wait(&file, mode, deadline.min(Instant::now() + MANNERS));
        }
    }
    Ok(Some(file))
}

fn wait(file: &File, mode: LockMode, deadline: Instant) -> io::Result<()> {
    let lock = match mode {
        LockMode::Shared => File::try_lock_shared,
        LockMode::Exclusive => File::try_lock,
    };
    while let Err(error) = lock(file) {
        match error {
            TryLockError::WouldBlock => {}
            TryLockError::Error(error) if error.kind() == io::ErrorKind::Interrupted => {}
            TryLockError::Error(error) => return Err(error),
        }
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        std::thread::park_timeout(LOOK_AGAIN);
    }
    Ok(())
}

/// A reader may have no right to write, so it only opens the file that a writer made. On a file
/// system that nobody can write to there may be none, and no writer either.
fn open(path: &Path, mode: LockMode) -> io::Result<Option<File>> {
    if mode == LockMode::Shared
        && let Ok(file) = File::open(path)
    {
        return Ok(Some(file));
    }
    let made = host_fs::private().write(true).create(true).truncate(false).open(path);
    match made {
        Err(error)
            if mode == LockMode::Shared && error.kind() == io::ErrorKind::ReadOnlyFilesystem =>
        {
            Ok(None)
        }
        made => made.map(Some),
    }
}
