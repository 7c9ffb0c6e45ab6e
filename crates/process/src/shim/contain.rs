//! Has the engine make and start a container, waits for its end, and removes it.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Resource;
use tokio::io::AsyncReadExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::keep::tell;
use crate::container::{Contained, MAKING, Own, environment_file};
use crate::program::{Use, sealed};
use crate::wire::{Handed, Order, Report};

/// How much longer than its grace a container may take to end, before it is removed all the same.
const OVERDUE: Duration = Duration::from_secs(3);

/// Does all of it; returns when nothing is left of the container.
pub(super) fn keep(
    socket: UnixStream,
    order: &Order,
    contained: &Contained,
    handed: Handed<OwnedFd>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        socket.set_nonblocking(true)?;
        let mut socket = tokio::net::UnixStream::from_std(socket)?;
        let containers = &contained.containers;
        containers.remove_left().await;
        let note = match containers.note(&contained.name, &order.folder) {
            Ok(note) => note,
            Err(error) => {
                let why = format!("it cannot be noted: {error}");
                return tell(&mut socket, Report::Failed { why }).await;
            }
        };
        let lived = live(&mut socket, order, contained, handed).await;
        if let Err(error) = lived {
            tell(&mut socket, Report::Failed { why: error.to_string() }).await?;
        }
        containers.remove(&contained.name).await?;
        note.forget();
        let _ = std::fs::remove_dir_all(&order.folder);
        Ok(())
    })
}

async fn live(
    socket: &mut tokio::net::UnixStream,
    order: &Order,
    contained: &Contained,
    handed: Handed<OwnedFd>,
) -> io::Result<()> {
    make(order, contained).await?;
    // Listened for before there is a child, so that no end is missed.
    let mut children = signal(SignalKind::child())?;
    // What it prints comes through this process of the engine, which ends as the container does.
    let mut attached = contained.containers.command(&["start", "--attach", &contained.name]);
    attached.stdout(handed.stdout).stderr(handed.stderr).process_group(0);
    // Podman's monitor leaves a file where it begins when the memory was too little.
    attached.current_dir(&order.folder);
    let mut child = attached.spawn()?;
    drop(attached);
    tell(socket, Report::Started { pid: i32::try_from(child.id()).unwrap_or_default() }).await?;
    let Some(status) = until_end(&mut child, socket, &mut children, order, contained).await? else {
        return Ok(());
    };
    tell(socket, Report::Ended { how: how(status) }).await
}

/// Has the engine make it. Its environment goes there as a file in memory.
async fn make(order: &Order, contained: &Contained) -> io::Result<()> {
    let most = |resource| rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let own = Own {
        user: rustix::process::geteuid().as_raw(),
        group: rustix::process::getegid().as_raw(),
        files: most(Resource::Nofile),
        processes: most(Resource::Nproc),
    };
    let words = contained.create(&order.name, &order.args, order.limits, own);
    let env = sealed(environment_file(&order.env).as_bytes(), Use::Read)?;
    let mut command = contained.containers.command(&words);
    command.stdin(Stdio::from(env));
    let said = contained.containers.ask(command, MAKING).await?;
    if said.is_good() { Ok(()) } else { Err(io::Error::other(said.why())) }
}

/// How it ended; none when it was told to and did not.
async fn until_end(
    child: &mut Child,
    socket: &mut tokio::net::UnixStream,
    children: &mut Signal,
    order: &Order,
    contained: &Contained,
) -> io::Result<Option<ExitStatus>> {
    let grace = Duration::from_millis(order.grace_ms);
    let (mut given_up_at, mut byte) = (None, [0]);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let until = given_up_at.unwrap_or_else(Instant::now);
        tokio::select! {
            _ = children.recv() => {}
            () = sleep_until(until), if given_up_at.is_some() => return Ok(None),
            // Nothing is ever sent after the order: whatever this reads is an end.
            _ = socket.read(&mut byte), if given_up_at.is_none() => {
                // Engines count in seconds.
                let seconds = order.grace_ms.div_ceil(1_000).to_string();
                let words = ["stop", "-t", &seconds, &contained.name];
                let stop = contained.containers.command(&words);
                begin_quietly(stop)?;
                given_up_at = Some(Instant::now() + grace + OVERDUE);
            }
        }
    }
}

fn begin_quietly(mut command: std::process::Command) -> io::Result<Child> {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

/// How a container ended, in words. Engines pass its code on, and have some of their own
/// (`podman-run(1)`, "Exit Status").
fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(125) => "the engine could not start it".into(),
        Some(126) => "its command cannot be run".into(),
        Some(127) => "its command is not in the image".into(),
        Some(137) => "it was killed, as is what uses more than its memory".into(),
        _ => status.to_string(),
    }
}
