//! A tool and everything it began, as a process group.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::time::Instant;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// A process group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group(Pid);

impl Group {
    /// Starts a command as the leader of a group of its own.
    pub(super) fn start(command: &mut Command) -> io::Result<(Child, Self)> {
        let child = command.process_group(0).spawn()?;
        let pid = Pid::from_child(&child);
        Ok((child, Self(pid)))
    }

    /// Waits until the leader ends. It stays a zombie, so that its number names this group and no
    /// other when it is ended.
    pub(super) fn wait_for_leader(self) {
        let _ = waitid(WaitId::Pid(self.0), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    }

    /// Ends everything in it.
    pub(super) fn end(self, _: &mut Child, _: Instant) {
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}
