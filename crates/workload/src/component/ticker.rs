//! The clock that makes running guests yield: one thread per engine, asleep while no guest runs.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{Builder, Thread};
use std::time::Duration;

use deploy_spec::Fault;
use wasmtime::Engine;

/// How long a guest may hold its thread before it yields: between one and two ticks.
const TICK: Duration = Duration::from_millis(2);

/// How many quiet ticks until the thread sleeps.
const QUIET_TICKS: u32 = 100;

/// Ticks while guests run. The thread ends when this is dropped.
pub(super) struct Ticker {
    state: Arc<State>,
    thread: Thread,
}

#[derive(Default)]
struct State {
    /// How many guests are being polled at this moment. A flag set at the beginning of a poll would
    /// not do: a thread may lose its processor right after, for longer than the ticker waits, and
    /// then spin with nobody ticking.
    running: AtomicUsize,
    /// The thread sleeps until it is woken.
    asleep: AtomicBool,
}

impl Ticker {
    pub(super) fn start(engine: &Engine) -> Result<Self, Fault> {
        let engine = engine.weak();
        let tick = move || engine.upgrade().map(|engine| engine.increment_epoch());
        Self::spawn(tick).map_err(|error| {
            Fault::unavailable(format!("cannot start the thread that limits components: {error}"))
        })
    }

    /// Calls `tick` while guests run, until it says `None`.
    fn spawn(tick: impl Fn() -> Option<()> + Send + 'static) -> io::Result<Self> {
        let state = Arc::new(State::default());
        let watched = Arc::downgrade(&state);
        let thread = Builder::new().name("wasm-ticker".to_owned());
        let thread = thread.spawn(move || run(&watched, tick))?;
        Ok(Self { state, thread: thread.thread().clone() })
    }

    /// Ticks as long as what is returned lives.
    pub(super) fn ticking(&self) -> Ticking<'_> {
        self.state.running.fetch_add(1, Ordering::SeqCst);
        // Only the first wakes it; then it stays awake for a while, however short the guests.
        if self.state.asleep.load(Ordering::SeqCst)
            && self.state.asleep.swap(false, Ordering::SeqCst)
        {
            self.thread.unpark();
        }
        Ticking(&self.state)
    }
}

/// Keeps a [`Ticker`] ticking.
pub(super) struct Ticking<'a>(&'a State);

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.state = Arc::default();
        self.thread.unpark();
    }
}

fn run(state: &Weak<State>, tick: impl Fn() -> Option<()>) {
    let mut quiet = 0;
    // The state is held for an instant only, so that dropping the ticker ends the loop.
    while let Some(running) = state.upgrade().map(|state| state.running.load(Ordering::SeqCst)) {
        quiet = if running > 0 { 0 } else { quiet + 1 };
        if quiet < QUIET_TICKS {
            if tick().is_none() {
                return;
            }
            std::thread::park_timeout(TICK);
        } else {
            sleep(state);
            quiet = 0;
        }
    }
}

/// Sleeps until a guest runs or the ticker is dropped.
fn sleep(state: &Weak<State>) {
    if let Some(state) = state.upgrade() {
        state.asleep.store(true, Ordering::SeqCst);
        // A guest that began before it could see `asleep` is seen here; one after wakes us.
        if state.running.load(Ordering::SeqCst) > 0 {
            state.asleep.store(false, Ordering::SeqCst);
        }
    }
    while state.upgrade().is_some_and(|state| state.asleep.load(Ordering::SeqCst)) {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn counted() -> (Ticker, mpsc::Receiver<()>) {
        let (sender, ticks) = mpsc::channel();
        (Ticker::spawn(move || sender.send(()).ok()).unwrap(), ticks)
    }

    fn wait_until_asleep(ticker: &Ticker) {
        while !ticker.state.asleep.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }

    #[test]
    fn it_sleeps_while_no_guest_runs_and_wakes_for_the_next() {
        let (ticker, ticks) = counted();
        for _ in 0..2 {
            wait_until_asleep(&ticker);
            assert!(ticks.try_iter().count() > QUIET_TICKS as usize / 2, "it ticked until then");
            drop(ticker.ticking());
            ticks.recv().unwrap();
            assert!(!ticker.state.asleep.load(Ordering::SeqCst), "it stays awake for a while");
        }
        drop(ticker);
        // The thread ends, and with it the sender.
        while ticks.recv().is_ok() {}
    }

    #[test]
    fn it_never_sleeps_while_a_guest_runs_however_long() {
        let (ticker, ticks) = counted();
        wait_until_asleep(&ticker);
        let _running = ticker.ticking();
        let before = ticks.try_iter().count();
        for tick in 0..3 * QUIET_TICKS {
            let waited = ticks.recv_timeout(Duration::from_secs(60));
            assert!(waited.is_ok(), "no tick after {tick}, and {before} before");
        }
    }
}
