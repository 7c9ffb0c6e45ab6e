//! Requests in flight: how many a revision still answers, and how they end once it has drained for
//! long enough.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use deploy_spec::{Drained, Ended};
use http::Response;
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::{Sleep, sleep};
use workload::{Body, BoxError};

use crate::ambient;
use crate::farewell::Manner;
use crate::shadow::Witness;
use crate::trail::Trail;

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

/// The body of an answer, in flight until it is dropped.
#[derive(Debug)]
pub struct Answer {
    body: Body,
    ticket: Option<Ticket>,
    manner: Manner,
    trail: Trail,
    /// Made when the body first has to wait; most never do.
    turned: Option<Pin<Box<OwnedNotified>>>,
    /// The moment in which it says goodbye, once streams do.
    leaves: Option<Pin<Box<Sleep>>>,
    has_left: bool,
    witness: Option<Witness>,
}

/// What an answer is to do about the end of its revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    GoOn,
    Leave,
    Cut,
}

impl Answer {
    pub(crate) fn new(body: Body, manner: Manner, ticket: Ticket, trail: Trail) -> Self {
        let ticket = Some(ticket);
        let answer = Self::bare(body, trail);
        Self { ticket, manner, ..answer }
    }

    /// The same, seen by somebody.
    pub(crate) fn seen_by(self, witness: Option<Witness>) -> Self {
        Self { witness, ..self }
    }

    /// An answer of ours, which no revision is behind.
    pub(crate) fn ours(response: Response<Body>, mut trail: Trail) -> Response<Self> {
        trail.answers(&response);
        response.map(|body| Self::bare(body, trail))
    }

    fn bare(body: Body, trail: Trail) -> Self {
        Self {
            body,
            ticket: None,
            manner: Manner::default(),
            trail,
            turned: None,
            leaves: None,
            has_left: false,
            witness: None,
        }
    }

    /// How far the end of its revision has come.
    fn phase(&self) -> u8 {
        self.ticket
            .as_ref()
            .map_or(SERVES, |Ticket(in_flight)| in_flight.phase.load(Ordering::SeqCst))
    }

    /// What to do in this phase.
    fn turn(&mut self, phase: u8, cx: &mut Context<'_>) -> Turn {
        let Some(Ticket(in_flight)) = &self.ticket else { return Turn::GoOn };
        match phase {
            SERVES => Turn::GoOn,
            CLOSES if !self.manner.is_stream() => Turn::GoOn,
            CLOSES => {
                let leaves = self.leaves.get_or_insert_with(|| {
                    let spread = in_flight.spread_ms.load(Ordering::SeqCst).max(1);
                    let wait = Duration::from_millis(u64::from(ambient::roll() % spread));
                    Box::pin(sleep(wait))
                });
                let is_time = leaves.is_elapsed() || leaves.as_mut().poll(cx).is_ready();
                if is_time { Turn::Leave } else { Turn::GoOn }
            }
            _ if self.manner.is_stream() && self.manner.last_words().is_some() => Turn::Leave,
            _ => Turn::Cut,
        }
    }

    /// Has the task woken by the phase behind this one. True if it has come meanwhile.
    fn turns(&mut self, phase: u8, cx: &mut Context<'_>) -> bool {
        let Some(Ticket(in_flight)) = &self.ticket else { return false };
        loop {
            let notified = || Box::pin(Arc::clone(&in_flight.turned).notified_owned());
            let turned = self.turned.get_or_insert_with(notified);
            // Heard from first, and looked at after: a turn in between is not missed.
            if turned.as_mut().poll(cx).is_pending() {
                return self.phase() != phase;
            }
            self.turned = None;
        }
    }

    fn count(&self, counter: impl FnOnce(&InFlight) -> &AtomicU64) {
        if let Some(Ticket(in_flight)) = &self.ticket {
            counter(in_flight).fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if this.has_left {
            return Poll::Ready(None);
        }
        loop {
            let phase = this.phase();
            match this.turn(phase, cx) {
                Turn::GoOn => {}
                Turn::Leave => {
                    if let Some(words) = this.manner.last_words() {
                        this.has_left = true;
                        this.count(|in_flight| &in_flight.left);
                        this.trail.sends(words.len());
                        this.trail.ends(Ended::Drained);
                        return Poll::Ready(Some(Ok(Frame::data(words))));
                    }
                }
                Turn::Cut => {
                    this.has_left = true;
                    this.count(|in_flight| &in_flight.cut);
                    this.trail.ends(Ended::Cut);
                    return Poll::Ready(Some(Err("its revision has drained".into())));
                }
            }
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Pending if this.turns(phase, cx) => {}
                Poll::Ready(Some(Ok(frame))) => {
                    if let Some(data) = frame.data_ref() {
                        this.manner.watch(data);
                        this.trail.sends(data.len());
                        if let Some(witness) = &mut this.witness {
                            witness.add(data, this.body.is_end_stream());
                        }
                    }
                    if this.body.is_end_stream() {
                        this.trail.ends(Ended::Complete);
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                Poll::Ready(end) => {
                    let is_whole = end.is_none();
                    this.trail.ends(if is_whole { Ended::Complete } else { Ended::Failed });
                    if let (true, Some(witness)) = (is_whole, &mut this.witness) {
                        witness.end();
                    }
                    return Poll::Ready(end);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.has_left || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
