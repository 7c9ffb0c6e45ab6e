//! A tool alone: what it began is not known.

use std::io;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How often it is looked whether it has ended, once it prints nothing more.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group;

impl Group {
    /// Starts a command.
    pub(super) fn start(command: &mut Command) -> io::Result<(Child, Self)> {
        Ok((command.spawn()?, Self))
    }

    /// Nothing is waited for here: a handle names one process, however long it is over.
    pub(super) fn wait_for_leader(self) {}

    /// Ends it, if it does not end by itself until `deadline`.
    pub(super) fn end(self, child: &mut Child, deadline: Instant) {
        while Instant::now() < deadline && matches!(child.try_wait(), Ok(None)) {
            std::thread::park_timeout(LOOK_AGAIN);
        }
        // One that has ended cannot be ended.
        let _ = child.kill();
    }
}
