//! One connection, and how many requests are in it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::SendRequest;

/// A connection that takes requests, until it is retired.
pub(super) struct Link(Mutex<State>);

struct State {
    /// None once it takes no more requests; it ends when the last of them has.
    requests: Option<SendRequest<Bytes>>,
    open: usize,
    /// Whether there was a request since somebody last asked.
    was_used: bool,
    has_served: bool,
}

/// A place for one request in a connection.
pub(crate) struct Slot {
    link: Arc<Link>,
    pub(super) requests: SendRequest<Bytes>,
    /// Whether the connection has taken a request before.
    pub(super) is_reused: bool,
}

impl Link {
    pub(super) const fn new(requests: SendRequest<Bytes>) -> Self {
        let requests = Some(requests);
        Self(Mutex::new(State { requests, open: 0, was_used: true, has_served: false }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, if the server lets one more request in.
    pub(super) fn slot(self: &Arc<Self>) -> Option<Slot> {
        let mut state = self.state();
        let mut requests = state.requests.clone()?;
        // Nobody waits here: this only asks whether the connection has ended or is about to.
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(Err(_)) = requests.poll_ready(&mut cx) {
            state.requests = None;
            return None;
        }
        if state.open >= requests.current_max_send_streams() {
            return None;
        }
        state.open += 1;
        state.was_used = true;
        let is_reused = std::mem::replace(&mut state.has_served, true);
        Some(Slot { link: Arc::clone(self), requests, is_reused })
    }

    /// Takes no more requests.
    pub(super) fn retire(&self) {
        let requests = self.state().requests.take();
        drop(requests);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.state().requests.is_none()
    }

    /// Retires it if there is no request in it, and was none since this was last asked.
    pub(super) fn retire_if_unused(&self) {
        let mut state = self.state();
        if state.open == 0 && !std::mem::replace(&mut state.was_used, false) {
            state.requests = None;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state().open == 0
    }
}

impl Slot {
    /// Lets no other request into this connection.
    pub(super) fn retire(&self) {
        self.link.retire();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.link.state().open -= 1;
    }
}
