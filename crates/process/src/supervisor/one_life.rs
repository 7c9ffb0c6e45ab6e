//! One start of a program or a container, to the end of everything it began.

use std::io::{self, PipeReader};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::unix::pipe::Receiver;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use upstream::Endpoint;

use super::Task;
use super::watch_over::stopped;
use crate::container::Contained;
use crate::launch::Launch;
use crate::logs::pump;
use crate::place::Place;
use crate::probe::until_ready;
use crate::sink::Output;
use crate::state::State;
use crate::wire::{Handed, Order, Report, Role};

/// How much longer than its grace the end of a program may take before its shim is killed.
pub(super) const OVERDUE: Duration = Duration::from_secs(10);

/// How long the rest of what it printed is waited for.
const REST: Duration = Duration::from_secs(1);

/// How one life ended.
#[derive(Debug)]
pub(super) enum End {
    /// It was told to.
    Stopped,
    /// It was not.
    Failed { why: String, ready_for: Option<Duration> },
}

/// A program that was started.
struct Life {
    address: Arc<Endpoint>,
    reports: Lines<BufReader<OwnedReadHalf>>,
    /// Dropping it tells the shim to end the program.
    leash: Option<OwnedWriteHalf>,
    shim: Child,
    printed: JoinSet<()>,
    group: Option<Pid>,
    /// Removed when all is over.
    _folder: TempDir,
}

/// Starts the program and waits until nothing of it is left.
pub(super) async fn live(task: &Task, told: &mut watch::Receiver<bool>) -> End {
    match Life::begin(task) {
        Ok(life) => life.last(task, told).await,
        Err(error) => {
            End::Failed { why: format!("it could not be started: {error}"), ready_for: None }
        }
    }
}

impl Life {
    fn begin(task: &Task) -> io::Result<Self> {
        let (place, contained) = begin_place(task)?;
        let (out_pipe, out) = io::pipe()?;
        let (err_pipe, err) = io::pipe()?;
        let (ours, theirs) = UnixStream::pair()?;
        let mut shim = task.shared.launcher.command();
        shim.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(err.try_clone()?);
        // What is typed at our terminal is meant for us.
        let shim = shim.process_group(0).spawn()?;
        let program = match &task.launch {
            Launch::Program(program) => Some(program.as_fd()),
            Launch::Container(_) => None,
        };
        let handed = Handed { program, stdout: out.as_fd(), stderr: err.as_fd() };
        order(task, &place, contained).send(&ours, Role::Keep, &handed)?;
        let mut printed = JoinSet::new();
        for (pipe, output) in [(out_pipe, Output::Stdout), (err_pipe, Output::Stderr)] {
            printed.spawn(pump(receiver(pipe)?, output, Arc::clone(&task.sink)));
        }
        ours.set_nonblocking(true)?;
        let (reports, leash) = tokio::net::UnixStream::from_std(ours)?.into_split();
        Ok(Self {
            address: Arc::new(place.endpoint),
            reports: BufReader::new(reports).lines(),
            leash: Some(leash),
            shim,
            printed,
            group: None,
            _folder: place.folder,
        })
    }

    async fn last(mut self, task: &Task, told: &mut watch::Receiver<bool>) -> End {
        let address = Arc::clone(&self.address);
        let ready = until_ready(&address, &task.settings.speaks, &task.settings.probe);
        tokio::pin!(ready);
        let (mut why, mut ready_since, mut is_stopped) = (None, None, false);
        let mut overdue = Instant::now();
        loop {
            let (is_running, is_started) = (self.leash.is_some(), self.group.is_some());
            tokio::select! {
                line = self.reports.next_line() => match line.ok().flatten() {
                    Some(line) => self.hear(&line, task, &mut why),
                    None => break,
                },
                answer = &mut ready, if is_running && is_started && ready_since.is_none() => {
                    match answer {
                        Ok(()) => ready_since = Some(self.is_ready(task)),
                        Err(late) => {
                            why.get_or_insert(late);
                            overdue = self.let_go(task);
                        }
                    }
                },
                () = stopped(told), if is_running => {
                    is_stopped = true;
                    overdue = self.let_go(task);
                }
                () = sleep_until(overdue), if !is_running => {
                    // Its end of the socket closes, and the loop ends.
                    let _ = self.shim.kill();
                    overdue = Instant::now() + OVERDUE;
                }
            }
        }
        self.end().await;
        let why = why.unwrap_or_else(|| "its shim was killed".into());
        let ready_for = ready_since.map(|since| Instant::now() - since);
        if is_stopped { End::Stopped } else { End::Failed { why, ready_for } }
    }

    fn hear(&mut self, line: &str, task: &Task, why: &mut Option<String>) {
        match serde_json::from_str(line) {
            Ok(Report::Started { pid }) => self.group = Pid::from_raw(pid),
            Ok(Report::Failed { why: failed }) => {
                why.get_or_insert(format!("it could not be started: {failed}"));
            }
            Ok(Report::Ended { how }) => {
                let why = why.get_or_insert(format!("it ended by itself: {how}"));
                task.board.set(State::Waiting { why: why.clone() });
            }
            Err(error) => {
                why.get_or_insert(format!("its shim speaks another language: {error}"));
            }
        }
    }

    fn is_ready(&self, task: &Task) -> Instant {
        tracing::info!(program = task.settings.name, "the program is ready");
        task.board.set(State::Ready(Arc::clone(&self.address)));
        Instant::now()
    }

    /// Tells the shim to end the program. When that is overdue.
    fn let_go(&mut self, task: &Task) -> Instant {
        self.leash = None;
        Instant::now() + task.settings.grace + OVERDUE
    }

    /// The shim is gone, or about to be.
    async fn end(mut self) {
        drop(self.leash.take());
        let clean = self.shim.wait().is_ok_and(|status| status.success());
        // A shim that was killed took the program along, and left behind what that had started.
        if let (false, Some(group)) = (clean, self.group) {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let rest = async { while self.printed.join_next().await.is_some() {} };
        // Only a process that nobody could find any more still holds the pipe open then.
        let _ = timeout(REST, rest).await;
    }
}

/// Where it happens; for a container, also what the engine is to make.
fn begin_place(task: &Task) -> io::Result<(Place, Option<Contained>)> {
    let (below, listen) = (&task.shared.folder, task.settings.listen);
    let container = match &task.launch {
        Launch::Program(_) => {
            return Ok((Place::of_program(below, listen, task.user.uid())?, None));
        }
        Launch::Container(container) => container,
    };
    let containers = task.shared.containers.clone();
    let containers = containers.ok_or_else(|| io::Error::other("nothing runs containers here"))?;
    let (place, reached) = Place::of_container(below, listen, container)?;
    let unique = place.folder.path().file_name().unwrap_or_default().to_string_lossy();
    let contained = Contained {
        containers,
        image: container.image.as_str().to_owned(),
        command: container.command.clone(),
        cpu_milli: container.cpu_milli,
        name: format!("{unique}-{}", task.settings.name.replace('/', "-")),
        reached,
    };
    Ok((place, Some(contained)))
}

fn order(task: &Task, place: &Place, contained: Option<Contained>) -> Order {
    let settings = &task.settings;
    let mut env = settings.env.clone();
    env.extend(place.variables.clone());
    Order {
        launcher: task.shared.launcher.clone(),
        name: settings.name.clone(),
        args: settings.args.clone(),
        env,
        folder: place.folder.path().to_owned(),
        user: task.user.uid(),
        limits: settings.limits,
        grace_ms: u64::try_from(settings.grace.as_millis()).unwrap_or(u64::MAX),
        contained,
    }
}

fn receiver(pipe: PipeReader) -> io::Result<Receiver> {
    Receiver::from_owned_fd(pipe.into())
}
