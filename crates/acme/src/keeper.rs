//! The thread that has certificates got when they are due, and what it says of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use deploy_spec::{Fault, Timestamp};
use ingress::{Certificates, Validity};
use store::EnvironmentStore;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::client::Caller;
use crate::failure::Failure;
use crate::files::Files;
use crate::order::Asker;
use crate::schedule::{Life, Next, due, next, pause};
use crate::settings::{Domain, Settings};

/// How long getting one certificate may take.
const ATTEMPT: Duration = Duration::from_mins(6);
/// How long to wait before the clock is looked at again: somebody may set it.
const LOOK: Duration = Duration::from_mins(10);

/// What the world is like.
#[derive(Debug, Clone, Copy)]
pub struct World {
    /// The time.
    pub now: fn() -> Timestamp,
    /// A fair draw from all `u32`.
    pub roll: fn() -> u32,
}

/// How it stands with one name.
#[derive(Debug, Clone)]
pub struct State {
    /// The name.
    pub name: Domain,
    /// How long its certificate is valid; none while there is none.
    pub life: Option<Life>,
    /// Why there is no newer one, if the last try failed.
    pub failed: Option<Failed>,
}

/// A try that failed.
#[derive(Debug, Clone)]
pub struct Failed {
    /// Why.
    pub fault: Fault,
    /// How many there were in a row.
    pub times: u32,
    /// When the next one is.
    pub again: Timestamp,
}

/// Gets certificates and renews them, until it is dropped.
pub struct Keeper {
    work: Work,
    thread: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

#[derive(Clone)]
struct Work {
    asker: Asker,
    certificates: Arc<Certificates>,
    world: World,
    states: Arc<Mutex<Vec<State>>>,
}

impl Keeper {
    /// For the names that `certificates` awaits. What is kept in `home` of them is shown from now
    /// on, be it over: an old certificate is better than none.
    ///
    /// # Errors
    /// `invalid-input` when the authorities of the authority's server cannot be used; `refused` when
    /// others can read a kept key; `unavailable` when it cannot be read.
    pub fn new(
        settings: Settings,
        home: EnvironmentStore,
        certificates: Arc<Certificates>,
        world: World,
    ) -> Result<Self, Fault> {
        let caller = Caller::new(settings.ca.clone(), world.now)?;
        let files = Files::new(home, &settings.directory);
        let mut states = Vec::new();
        for name in certificates.awaited() {
            let name: Domain = name.parse().map_err(Fault::invalid)?;
            let kept = files.certificate(&name)?;
            let life = kept.and_then(|pem| show(&certificates, &name, &pem));
            states.push(State { name, life, failed: None });
        }
        let challenges = Arc::clone(certificates.challenges());
        let asker = Asker { settings: Arc::new(settings), caller, files, challenges };
        let states = Arc::new(Mutex::new(states));
        Ok(Self { work: Work { asker, certificates, world, states }, thread: None })
    }

    /// How it stands with each name, at any time.
    pub fn states(&self) -> impl Fn() -> Vec<State> + Send + Sync + use<> {
        let work = self.work.clone();
        move || work.states().clone()
    }

    /// Begins to ask, in a thread of its own. The doors at which the authority asks back are open.
    ///
    /// # Errors
    /// `unavailable` when there is no thread for it.
    pub fn start(&mut self) -> Result<(), Fault> {
        let failed = |error: std::io::Error| Fault::unavailable(format!("no thread: {error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let work = self.work.clone();
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    never = work.run() => match never {},
                    _ = stopped => {}
                }
            });
            // Not dropped: that would wait for whoever looks up a name.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("acme".into()).spawn(run).map_err(failed)?;
        self.thread = Some((stop, thread));
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            // What it is waiting for is given up, whatever that is.
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

impl Work {
    async fn run(&self) -> std::convert::Infallible {
        loop {
            let now = (self.world.now)();
            let next = {
                let states = self.states();
                let again = |state: &State| state.failed.as_ref().map(|failed| failed.again);
                next(now, states.iter().map(|state| due(state.life, again(state))))
            };
            match next {
                Next::Get(index) => self.get(index).await,
                Next::Wait(until) => {
                    let rest = Duration::try_from(until.duration_since(now)).unwrap_or_default();
                    tokio::time::sleep(rest.min(LOOK)).await;
                }
            }
        }
    }

    /// Tries once, and notes what came of it.
    async fn get(&self, index: usize) {
        let name = self.states()[index].name.clone();
        match self.attempt(&name).await.and_then(|pem| self.take(index, &name, &pem)) {
            Ok(life) => {
                tracing::info!(name = name.as_str(), until = %life.ends, renewal = %life.renewal(),
                    "a certificate was got");
                self.states()[index].failed = None;
            }
            Err(failure) => self.note(index, failure),
        }
    }

    async fn attempt(&self, name: &Domain) -> Result<String, Failure> {
        let (asker, wanted) = (self.asker.clone(), name.clone());
        // A task of its own: should the library panic about what a stranger says, that is all that
        // ends. Who drops this ends it too.
        let mut task = JoinSet::new();
        task.spawn(async move { asker.get(&wanted).await });
        match tokio::time::timeout(ATTEMPT, task.join_next()).await {
            Ok(Some(Ok(got))) => got,
            Ok(_) => Err(Failure::nonsense("what it says cannot be dealt with")),
            Err(_) => Err(Failure::nonsense("it takes too long")),
        }
    }

    /// Keeps and shows what was got, if it is worth anything. It is shown even where it cannot be
    /// kept: to ask for another one would not mend the disk.
    fn take(&self, index: usize, name: &Domain, pem: &str) -> Result<Life, Failure> {
        let issued = self.certificates.read(name.as_str(), pem.as_bytes());
        let issued = issued.map_err(|fault| Failure::nonsense(&fault.message))?;
        let life = life(issued.validity());
        if life.renewal() <= (self.world.now)() {
            let why =
                format!("its certificate ends at {}, and is to be renewed at once", life.ends);
            return Err(Failure::nonsense(&why));
        }
        let kept = self.asker.files.keep_certificate(name, pem.as_bytes());
        self.certificates.install(issued);
        self.states()[index].life = Some(life);
        kept?;
        Ok(life)
    }

    fn note(&self, index: usize, failure: Failure) {
        let Failure { cause, fault, told } = failure;
        let state = &mut self.states()[index];
        let times = state.failed.as_ref().map_or(1, |failed| failed.times.saturating_add(1));
        let wait = pause(cause, times, told, (self.world.roll)());
        let again = (self.world.now)().saturating_add(wait).unwrap_or(Timestamp::MAX);
        let name = state.name.as_str();
        if state.life.is_some() {
            tracing::error!(name, %fault, times, %again, "a certificate is not renewed, the one before is kept");
        } else {
            tracing::error!(name, %fault, times, %again, "there is no certificate");
        }
        state.failed = Some(Failed { fault, times, again });
    }

    fn states(&self) -> MutexGuard<'_, Vec<State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows a certificate that was kept. One that cannot be used is as good as none.
fn show(certificates: &Certificates, name: &Domain, pem: &[u8]) -> Option<Life> {
    match certificates.read(name.as_str(), pem) {
        Ok(issued) => {
            let life = life(issued.validity());
            certificates.install(issued);
            tracing::info!(name = name.as_str(), until = %life.ends, "a certificate is used");
            Some(life)
        }
        Err(fault) => {
            tracing::error!(name = name.as_str(), %fault, "a certificate that was kept cannot be used");
            None
        }
    }
}

const fn life(validity: &Validity) -> Life {
    Life { begins: validity.begins, ends: validity.ends }
}

#[cfg(test)]
mod tests;
