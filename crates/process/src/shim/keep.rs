//! Starts the program, keeps watch over it, and clears up behind it.

use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::orphans::{Reaped, how, kill_all, reap, terminate};
use crate::wire::{Handed, Order, Report, Role};

/// How long until those that SIGKILL has orphaned are looked for.
const AGAIN: Duration = Duration::from_millis(20);

/// Does all of it; returns when nobody is left.
pub(super) fn keep(socket: UnixStream, order: &Order, handed: Handed<OwnedFd>) -> io::Result<()> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Listened for before there is a child, so that no end is missed.
        let children = signal(SignalKind::child())?;
        socket.set_nonblocking(true)?;
        let mut socket = tokio::net::UnixStream::from_std(socket)?;
        let started = start(order, &handed);
        drop(handed);
        let main = match started {
            Ok(main) => main,
            Err(error) => {
                return tell(&mut socket, Report::Failed { why: error.to_string() }).await;
            }
        };
        tell(&mut socket, Report::Started { pid: main.as_raw_pid() }).await?;
        let grace = Duration::from_millis(order.grace_ms);
        Keeper { main, kill_at: None, grace, socket }.watch(children).await?;
        // Who could have written there is gone. That it is gone already is as well.
        let _ = std::fs::remove_dir_all(&order.folder);
        Ok(())
    })
}

/// Starts the program: a child of ours that confines itself and becomes it.
fn start(order: &Order, handed: &Handed<OwnedFd>) -> io::Result<Pid> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut child =
        order.launcher.command().stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).spawn()?;
    let handed = Handed {
        program: handed.program.as_ref().map(|program| program.as_fd()),
        stdout: handed.stdout.as_fd(),
        stderr: handed.stderr.as_fd(),
    };
    order.send(&ours, Role::Become, &handed)?;
    let mut why = String::new();
    ours.read_to_string(&mut why)?;
    if why.is_empty() {
        return Ok(Pid::from_child(&child));
    }
    child.wait()?;
    Err(io::Error::other(why))
}

pub(super) async fn tell(socket: &mut tokio::net::UnixStream, report: Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(&report)?;
    line.push(b'\n');
    match socket.write_all(&line).await {
        // Who does not listen any more wants the program stopped; that is seen when reading.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        told => told,
    }
}

struct Keeper {
    main: Pid,
    /// When SIGKILL is sent, again and again; none while the program is to run.
    kill_at: Option<Instant>,
    grace: Duration,
    socket: tokio::net::UnixStream,
}

impl Keeper {
    async fn watch(mut self, mut children: Signal) -> io::Result<()> {
        while self.take_ends().await? {
            let is_stopping = self.kill_at.is_some();
            let kill_at = self.kill_at.unwrap_or_else(Instant::now);
            let mut byte = [0];
            tokio::select! {
                _ = children.recv() => {}
                _ = sleep_until(kill_at), if is_stopping => {
                    kill_all(self.main);
                    self.kill_at = Some(Instant::now() + AGAIN);
                }
                // Nothing is ever sent after the order: whatever this reads is an end.
                _ = self.socket.read(&mut byte), if !is_stopping => {
                    terminate(self.main);
                    self.kill_at = Some(Instant::now() + self.grace);
                }
            }
        }
        Ok(())
    }

    /// Takes every end there is. False when nobody is left.
    async fn take_ends(&mut self) -> io::Result<bool> {
        loop {
            match reap()? {
                Reaped::NobodyLeft => return Ok(false),
                Reaped::None => return Ok(true),
                Reaped::Ended(pid, status) if pid == self.main => {
                    tell(&mut self.socket, Report::Ended { how: how(status) }).await?;
                    // Who is told to stop may take its time for that; who falls takes all along.
                    self.kill_at.get_or_insert_with(Instant::now);
                }
                Reaped::Ended(..) => {}
            }
        }
    }
}
