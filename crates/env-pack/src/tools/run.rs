//! Running a tool: with what was handed in and nothing else, and never longer than it may.

#[cfg_attr(unix, path = "run/unix.rs")]
#[cfg_attr(windows, path = "run/windows.rs")]
mod group;

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::Machine;
use group::Group;

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

/// Runs a tool with an empty stdin. When it ends or its time is up, everything in its process
/// group is ended with it.
pub(super) fn run(machine: &Machine<'_>, file: &Path, arguments: &[&str]) -> Ran {
    match start(machine, file, arguments) {
        Ok((child, group)) => finish(child, group, machine.deadline),
        Err(error) => Ran::Failed(format!("cannot be run: {error}")),
    }
}

fn start(machine: &Machine<'_>, file: &Path, arguments: &[&str]) -> io::Result<(Child, Group)> {
    let quiet = ["CHECKPOINT_DISABLE", "CLOUDSDK_CORE_DISABLE_PROMPTS"];
    let quiet = quiet.map(|name| (OsString::from(name), OsString::from("1")));
    let mut command = Command::new(file);
    command
        .args(arguments)
        .env_clear()
        .envs(machine.environment.iter().cloned().chain(quiet))
        .env("PATH", machine.path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    Group::start(&mut command)
}

fn finish(mut child: Child, group: Group, deadline: Duration) -> Ran {
    let until = Instant::now() + deadline;
    let stdout = child.stdout.take();
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let most = PRINTED_MOST as u64 + 1;
        let read = stdout.map_or(Ok(0), |stdout| stdout.take(most).read_to_end(&mut bytes));
        let printed = read.map(|_| bytes);
        group.wait_for_leader();
        let _ = send.send(printed);
    });
    let printed = receive.recv_timeout(deadline);
    group.end(&mut child, until);
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
