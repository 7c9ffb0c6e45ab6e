//! Running a tool: with what was handed in and nothing else, and never longer than it may.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::Machine;

/// Most bytes of what a tool prints that are looked at.
const PRINTED_MOST: usize = 64 << 10;

/// How a run ended.
#[derive(Debug)]
pub(super) enum Ran {
    /// With success, having printed this.
    Printed(String),
    /// Otherwise; a predicate for people, without what it printed.
    Failed(String),
}

/// The file of a command on a search path. Entries that depend on the working folder are passed
/// over, so that no folder one happens to be in can stand in for a tool.
pub(super) fn find(path: &OsStr, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| {
            file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
        })
}

/// Runs a tool with an empty stdin. When it ends or its time is up, everything in its process
/// group is ended with it.
pub(super) fn run(machine: &Machine<'_>, file: &Path, arguments: &[&str]) -> Ran {
    match start(machine, file, arguments) {
        Ok(child) => finish(child, machine.deadline),
        Err(error) => Ran::Failed(format!("cannot be run: {error}")),
    }
}

fn start(machine: &Machine<'_>, file: &Path, arguments: &[&str]) -> io::Result<Child> {
    let quiet = ["CHECKPOINT_DISABLE", "CLOUDSDK_CORE_DISABLE_PROMPTS"];
    let quiet = quiet.map(|name| (OsString::from(name), OsString::from("1")));
    Command::new(file)
        .args(arguments)
        .env_clear()
        .envs(machine.environment.iter().cloned().chain(quiet))
        .env("PATH", machine.path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

fn finish(mut child: Child, deadline: Duration) -> Ran {
    let pid = Pid::from_child(&child);
    let stdout = child.stdout.take();
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let most = PRINTED_MOST as u64 + 1;
        let read = stdout.map_or(Ok(0), |stdout| stdout.take(most).read_to_end(&mut bytes));
        let printed = read.map(|_| bytes);
        // It stays a zombie, so that its number names this group and no other when it is ended.
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let _ = send.send(printed);
    });
    let printed = receive.recv_timeout(deadline);
    let _ = kill_process_group(pid, Signal::KILL);
    let status = child.wait();
    match (printed, status) {
        (Err(_), _) => Ran::Failed(format!("did not end within {} ms", deadline.as_millis())),
        (Ok(Err(error)), _) | (_, Err(error)) => Ran::Failed(format!("cannot be read: {error}")),
        (Ok(Ok(bytes)), _) if bytes.len() > PRINTED_MOST => {
            Ran::Failed(format!("printed more than {PRINTED_MOST} bytes"))
        }
        (Ok(Ok(bytes)), Ok(status)) if status.success() => {
            Ran::Printed(String::from_utf8_lossy(&bytes).into_owned())
        }
        (Ok(Ok(_)), Ok(status)) => Ran::Failed(format!("ended with {status}")),
    }
}
