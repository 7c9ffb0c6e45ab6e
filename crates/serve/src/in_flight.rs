//! Requests in flight: how many a revision still answers, and how they end once it has drained for
//! long enough.

mod answer;

pub use answer::Answer;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use deploy_spec::Drained;
use tokio::sync::Notify;

/// The most time within which the streams of a revision say goodbye. They do not all do so at once,
/// because their clients come back at once.
const SPREAD_MAX: Duration = Duration::from_secs(10);

/// Within how much of this time streams say goodbye.
pub(crate) fn spread(time: Duration) -> Duration {
    (time / 4).min(SPREAD_MAX)
}

/// How far the end of a revision has come.
const SERVES: u8 = 0;
/// Streams say goodbye, each in its own moment.
const CLOSES: u8 = 1;
/// What is still open is cut.
const OVER: u8 = 2;

/// The requests that one revision is answering.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    count: AtomicUsize,
    /// Whether somebody waits for the count to reach zero.
    awaited: AtomicBool,
    lock: Mutex<()>,
    none_left: Condvar,
    phase: AtomicU8,
    /// Within how many milliseconds streams say goodbye.
    spread_ms: AtomicU32,
    /// Told of every phase.
    turned: Arc<Notify>,
    left: AtomicU64,
    cut: AtomicU64,
}

impl InFlight {
    /// One more request, until the ticket is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Ticket {
        self.count.fetch_add(1, Ordering::SeqCst);
        Ticket(Arc::clone(self))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Sees them to their end: what finishes within `time` does, streams say goodbye shortly before
    /// it is over, and what is open then is cut. Waits for `last` longer for what has not been
    /// answered at all.
    pub(crate) fn drain(&self, time: Duration, last: Duration) -> Drained {
        let open = self.count() as u64;
        let spread = spread(time);
        if !self.wait(time.saturating_sub(spread)) {
            self.end_streams(spread);
            if !self.wait(spread) {
                self.turn(OVER);
                self.wait(last);
            }
        }
        let (left, cut) = (self.left.load(Ordering::SeqCst), self.cut.load(Ordering::SeqCst));
        let unanswered = self.count() as u64;
        let finished = open.saturating_sub(left + cut + unanswered);
        Drained { open, finished, closed: left, cut: cut + unanswered }
    }

    /// Has its streams say goodbye, each within this time.
    pub(crate) fn end_streams(&self, within: Duration) {
        self.spread_ms.store(u32::try_from(within.as_millis()).unwrap_or(0), Ordering::SeqCst);
        self.turn(CLOSES);
    }

    /// Waits until there is none; false when `patience` is over first.
    fn wait(&self, patience: Duration) -> bool {
        self.awaited.store(true, Ordering::SeqCst);
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.none_left.wait_timeout_while(guard, patience, |()| self.count() > 0);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn turn(&self, phase: u8) {
        // A process may stop while a revision is further than that.
        self.phase.fetch_max(phase, Ordering::SeqCst);
        self.turned.notify_waiters();
    }
}

/// One request in flight.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<InFlight>);

impl Drop for Ticket {
    fn drop(&mut self) {
        let was = self.0.count.fetch_sub(1, Ordering::SeqCst);
        if was == 1 && self.0.awaited.load(Ordering::SeqCst) {
            drop(self.0.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.0.none_left.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_with_the_last_request() {
        let in_flight = Arc::new(InFlight::default());
        let (first, second) = (in_flight.begin(), in_flight.begin());
        let waiting = std::thread::spawn({
            let in_flight = Arc::clone(&in_flight);
            move || in_flight.wait(Duration::from_secs(60))
        });
        drop(first);
        assert_eq!(in_flight.count(), 1);
        drop(second);
        assert!(waiting.join().expect("it does not panic"));
    }

    #[test]
    fn waiting_does_not_outlast_its_patience() {
        let in_flight = Arc::new(InFlight::default());
        let _stays = in_flight.begin();
        assert!(!in_flight.wait(Duration::ZERO));
    }
}
