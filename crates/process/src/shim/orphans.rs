//! Which processes are ours, and their end.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

/// What waiting for any child found.
#[derive(Debug)]
pub(super) enum Reaped {
    /// One has ended.
    Ended(Pid, WaitStatus),
    /// None has ended, and some are there.
    None,
    /// No child is left.
    NobodyLeft,
}

/// Takes the end of one child, orphans that became ours included.
pub(super) fn reap() -> io::Result<Reaped> {
    match rustix::process::wait(WaitOptions::NOHANG) {
        Ok(Some((pid, status))) => Ok(Reaped::Ended(pid, status)),
        Ok(None) => Ok(Reaped::None),
        Err(Errno::CHILD) => Ok(Reaped::NobodyLeft),
        Err(error) => Err(error.into()),
    }
}

/// How a process ended, in words.
pub(super) fn how(status: WaitStatus) -> String {
    let code = status.exit_status().map(|code| code << 8);
    let signal = status.terminating_signal();
    ExitStatus::from_raw(code.or(signal).unwrap_or_default()).to_string()
}

/// Sends SIGTERM to a process group; that it is gone is as well.
pub(super) fn terminate(group: Pid) {
    let _ = rustix::process::kill_process_group(group, Signal::TERM);
}

/// Sends SIGKILL to a process group, and to those that left it and became our children. Whose
/// parent this ends become our children next: to be called again until nobody is left.
pub(super) fn kill_all(group: Pid) {
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
    for child in children() {
        let _ = rustix::process::kill_process(child, Signal::KILL);
    }
}

/// Our children. None of them can vanish and its number mean another, since only we reap them.
fn children() -> Vec<Pid> {
    let own = rustix::process::getpid();
    let Ok(all) = std::fs::read_dir("/proc") else { return Vec::new() };
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse::<i32>().ok();
    let pids = all.filter_map(Result::ok).filter_map(number).filter_map(Pid::from_raw);
    pids.filter(|pid| parent(*pid) == Some(own)).collect()
}

fn parent(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parent_in(&stat)
}

/// The parent in the text of `/proc/PID/stat` (`proc_pid_stat(5)`); the name before it may hold
/// anything, spaces and parentheses too.
fn parent_in(stat: &str) -> Option<Pid> {
    let (_, rest) = stat.rsplit_once(')')?;
    Pid::from_raw(rest.split_whitespace().nth(1)?.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        for stat in ["7 (a) S 42 7 7", "7 (a b) R 1) S 42 7 7", "7 () S 42"] {
            assert_eq!(parent_in(stat), Pid::from_raw(42), "{stat}");
        }
        for stat in ["", "7 (a", "7 (a) S", "7 (a) S x"] {
            assert_eq!(parent_in(stat), None, "{stat}");
        }
    }
}
