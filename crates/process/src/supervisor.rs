//! Keeps programs and containers running: starts them, asks whether they are ready, starts them again.

mod one_life;
mod watch_over;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use deploy_spec::Fault;
use tokio::sync::watch;

use crate::container::{Containers, MAKING, check as check_container};
use crate::launch::Launch;
use crate::launcher::Launcher;
use crate::settings::Settings;
use crate::sink::Sink;
use crate::state::{Board, State};
use crate::users::{Lease, Users};

/// What all programs of this process share. Cheap to clone.
#[derive(Clone)]
pub struct Supervisor(Arc<Shared>);

struct Shared {
    launcher: Launcher,
    folder: PathBuf,
    users: Arc<Users>,
    containers: Option<Containers>,
    roll: fn() -> u32,
}

/// All that one program's supervision needs.
struct Task {
    shared: Arc<Shared>,
    launch: Launch,
    settings: Settings,
    sink: Arc<dyn Sink>,
    /// Whose id a program has; a container has the users of its image.
    user: Lease,
    board: Arc<Board>,
}

/// A program or a container that is kept running. Dropping it stops it: SIGTERM to its process group,
/// after the grace SIGKILL to whatever is left, and nothing is left then. It does not wait for that.
pub struct Process {
    board: Arc<Board>,
    stop: watch::Sender<bool>,
    /// How long it takes at most until the first start has failed or succeeded.
    patience: Duration,
}

impl Supervisor {
    /// A supervisor that starts shims by `launcher`. Each start gets a private folder of its own
    /// below `folder`, which every user must be able to reach, and whose path should be short: a
    /// Unix socket's path has at most 107 bytes. `roll` gives fair draws from all `u32`.
    #[must_use]
    pub fn new(launcher: Launcher, folder: PathBuf, roll: fn() -> u32) -> Self {
        let users = Arc::new(Users::detect());
        Self(Arc::new(Shared { launcher, folder, users, containers: None, roll }))
    }

    /// The same, with an engine that runs containers, if there is one.
    #[must_use]
    pub fn with_containers(self, containers: Option<Containers>) -> Self {
        let Shared { launcher, folder, users, roll, .. } = &*self.0;
        let (launcher, folder, users) = (launcher.clone(), folder.clone(), Arc::clone(users));
        Self(Arc::new(Shared { launcher, folder, users, containers, roll: *roll }))
    }

    /// What runs containers here.
    ///
    /// # Errors
    /// `unavailable` when nothing does.
    pub fn containers(&self) -> Result<&Containers, Fault> {
        self.0.containers.as_ref().ok_or_else(no_engine)
    }

    /// Starts a program or a container and keeps it running, on a thread of its own. Does not wait
    /// for it.
    ///
    /// # Errors
    /// `invalid-input` when an argument or a variable cannot be passed; `unavailable` when there
    /// is no user id, no engine or no thread for it.
    pub fn start(
        &self,
        launch: impl Into<Launch>,
        settings: Settings,
        sink: Arc<dyn Sink>,
    ) -> Result<Process, Fault> {
        check(&settings)?;
        let launch = launch.into();
        let (user, making) = match &launch {
            Launch::Program(_) => (self.0.users.lease(&settings.name)?, Duration::ZERO),
            Launch::Container(_) => {
                check_container(&settings.env)?;
                self.containers().map(|_| (Lease::default(), MAKING))?
            }
        };
        let board = Arc::new(Board::new());
        let (stop, told) = watch::channel(false);
        let patience = making + settings.probe.deadline + settings.grace + one_life::OVERDUE;
        let task = Task {
            shared: Arc::clone(&self.0),
            launch,
            settings,
            sink,
            user,
            board: Arc::clone(&board),
        };
        let thread = std::thread::Builder::new().name("program".into());
        thread.spawn(move || watch_over::run(&task, told)).map_err(|error| {
            Fault::unavailable(format!("there is no thread to watch over a program: {error}"))
        })?;
        Ok(Process { board, stop, patience })
    }
}

fn no_engine() -> Fault {
    if !cfg!(target_os = "linux") {
        return crate::only_linux::refusal();
    }
    Fault::unavailable("nothing runs containers here: neither `podman` nor `docker` is on the PATH")
        .hint("apt-get install podman")
}

/// What the kernel cannot pass on is refused before anything is started.
fn check(settings: &Settings) -> Result<(), Fault> {
    if let Some(i) = settings.args.iter().position(|arg| arg.contains('\0')) {
        return Err(Fault::invalid("an argument holds a NUL").at(format!("/args/{i}")));
    }
    let is_bad = |(name, value): &(&String, &String)| {
        name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
    };
    match settings.env.iter().find(is_bad) {
        Some((name, _)) => {
            let name = name.escape_debug();
            Err(Fault::invalid(format!("the variable `{name}` cannot be passed to a program")))
        }
        None => Ok(()),
    }
}

impl std::fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Supervisor({})", self.0.folder.display())
    }
}

impl Process {
    /// How it fares.
    #[must_use]
    pub fn state(&self) -> State {
        self.board.get()
    }

    /// Where it answers at the moment; none while it does not.
    #[must_use]
    pub fn address(&self) -> Option<Arc<upstream::Endpoint>> {
        self.board.address()
    }

    /// Waits until it is ready for the first time, or its first start has failed. Blocks, at most
    /// as long as the probe's deadline and the end of a failed start take.
    ///
    /// # Errors
    /// `unhealthy` when it ended or was not ready in time.
    pub fn wait_until_ready(&self) -> Result<(), Fault> {
        let is_known = |state: &State| !matches!(state, State::Starting);
        match self.board.wait(self.patience, is_known) {
            Some(State::Ready(_)) => Ok(()),
            Some(State::Waiting { why } | State::GaveUp { why }) => {
                Err(Fault::new(deploy_spec::Kind::Unhealthy, format!("the program failed: {why}"))
                    .hint("what it printed is in the log: `gtc logs`"))
            }
            Some(State::Stopped | State::Starting) | None => {
                Err(Fault::unavailable("the program was stopped before it was ready"))
            }
        }
    }

    /// Tells it to stop, and waits until nothing of it is left. Blocks. False when that took
    /// longer than `limit`; it goes on all the same.
    #[must_use]
    pub fn stop(&self, limit: Duration) -> bool {
        self.stop.send_replace(true);
        self.board.wait(limit, |state| *state == State::Stopped).is_some()
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Process").field(&self.state()).finish()
    }
}
