//! Requests in flight: how many a revision still answers, and the end of its streams once it has
//! drained for long enough.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use workload::{Body, BoxError};

/// The requests that one revision is answering.
#[derive(Debug, Default)]
pub(crate) struct InFlight {
    count: AtomicUsize,
    /// Whether somebody waits for the count to reach zero.
    awaited: AtomicBool,
    lock: Mutex<()>,
    none_left: Condvar,
    /// Whether streams end instead of waiting for more.
    is_over: AtomicBool,
    over: Arc<Notify>,
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

    /// Waits until there is none; false when `patience` is over first.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        self.awaited.store(true, Ordering::SeqCst);
        let guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.none_left.wait_timeout_while(guard, patience, |()| self.count() > 0);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Ends every response that has nothing to send at the moment.
    pub(crate) fn end_streams(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.over.notify_waiters();
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
    /// Made when the body first has to wait; most never do.
    over: Option<Pin<Box<OwnedNotified>>>,
}

impl Answer {
    pub(crate) const fn new(body: Body, ticket: Ticket) -> Self {
        Self { body, ticket: Some(ticket), over: None }
    }

    /// Whether the stream is to end now; otherwise the task is woken when it is.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(Ticket(in_flight)) = &self.ticket else { return false };
        let over =
            self.over.get_or_insert_with(|| Box::pin(Arc::clone(&in_flight.over).notified_owned()));
        // Heard from first, and looked at after: an end in between is not missed.
        let heard = over.as_mut().poll(cx).is_ready();
        heard || in_flight.is_over.load(Ordering::SeqCst)
    }
}

impl From<Body> for Answer {
    /// An answer of ours, which no revision is behind.
    fn from(body: Body) -> Self {
        Self { body, ticket: None, over: None }
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
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Pending if this.is_over(cx) => Poll::Ready(None),
            polled => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
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
