//! The clock that makes running guests yield: one thread per engine, asleep while no guest runs.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// A guest ran since the last tick.
    busy: AtomicBool,
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

    /// A guest is about to run. Called at each poll: two loads when nothing has changed.
    pub(super) fn stir(&self) {
        if !self.state.busy.load(Ordering::Relaxed) {
            self.state.busy.store(true, Ordering::SeqCst);
            if self.state.asleep.load(Ordering::SeqCst) {
                self.thread.unpark();
            }
        }
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
    while let Some(busy) = state.upgrade().map(|state| state.busy.swap(false, Ordering::SeqCst)) {
        quiet = if busy { 0 } else { quiet + 1 };
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
    let asleep = |value| match state.upgrade() {
        Some(state) => {
            state.asleep.store(value, Ordering::SeqCst);
            !state.busy.load(Ordering::SeqCst)
        }
        None => false,
    };
    // A guest that became busy before it could see `asleep` is seen here; one after wakes us.
    while asleep(true) {
        std::thread::park();
    }
    asleep(false);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn it_sleeps_while_no_guest_runs_and_wakes_for_the_next() {
        let (sender, ticks) = mpsc::channel();
        let ticker = Ticker::spawn(move || sender.send(()).ok()).unwrap();
        for _ in 0..2 {
            while !ticker.state.asleep.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            assert!(ticks.try_iter().count() >= QUIET_TICKS as usize - 1, "it ticked until then");
            assert!(ticks.try_recv().is_err());
            ticker.stir();
            ticks.recv().unwrap();
        }
        drop(ticker);
        // The thread ends, and with it the sender.
        while ticks.recv().is_ok() {}
    }
}
