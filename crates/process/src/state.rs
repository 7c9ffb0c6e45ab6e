//! How a program fares: written by its supervisor, read by everyone.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use upstream::Endpoint;

/// How a program fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It was started, and is not ready.
    Starting,
    /// It answers here.
    Ready(Arc<Endpoint>),
    /// It ended, or was not ready in time, and is started again soon.
    Waiting {
        /// What happened.
        why: String,
    },
    /// It failed too often in a row, and is not started any more.
    GaveUp {
        /// What happened last.
        why: String,
    },
    /// It was told to stop, and nothing of it is left.
    Stopped,
}

/// Where the state stands.
#[derive(Debug)]
pub(crate) struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

impl Board {
    pub(crate) const fn new() -> Self {
        Self { state: Mutex::new(State::Starting), changed: Condvar::new() }
    }

    pub(crate) fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.changed.notify_all();
    }

    pub(crate) fn get(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where it answers, if it does.
    pub(crate) fn address(&self) -> Option<Arc<Endpoint>> {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Ready(address) => Some(Arc::clone(address)),
            _ => None,
        }
    }

    /// Waits until the state is as wanted, and gives it; none when it was not in time.
    pub(crate) fn wait(&self, limit: Duration, wanted: impl Fn(&State) -> bool) -> Option<State> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(state, limit, |state| !wanted(state));
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        wanted(&state).then(|| state.clone())
    }
}
