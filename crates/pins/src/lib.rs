//! Which revision a session was given that the application names: remembered by this process, and
//! shared by all replicas in Redis where an environment says so. A server that does not answer in
//! time costs nobody an answer: the request goes where the slot of its session says.

mod memory;
mod server;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use deploy_spec::Fault;
use dispatch::{Pin, PinName};

use crate::memory::Memory;
pub use crate::memory::REMEMBERED_MAX;
use crate::server::Connected;
pub use crate::server::Server;

/// What is remembered of sessions.
pub struct Pins {
    memory: Mutex<Memory>,
    shared: Option<Connected>,
    unanswered: AtomicU64,
}

impl Default for Pins {
    fn default() -> Self {
        Self::in_memory()
    }
}

impl Pins {
    /// Pins of this process alone.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { memory: Mutex::default(), shared: None, unanswered: AtomicU64::new(0) }
    }

    /// Pins that all replicas share which ask the same server. It need not be there yet.
    ///
    /// # Errors
    /// `invalid-input` when its address is none; `unavailable` when this machine has no thread for it.
    pub fn shared(server: &Server) -> Result<Self, Fault> {
        Ok(Self { shared: Some(Connected::new(server)?), ..Self::in_memory() })
    }

    /// Whether others share them, so that they must be asked for with [`Pins::agree`].
    #[must_use]
    pub const fn are_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// The pin that counts, as far as this process knows: of the newer split. It is remembered.
    pub fn remember(&self, name: &PinName<'_>, proposed: Pin, now_s: u64) -> Pin {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.remember(name, proposed, now_s)
    }

    /// The pin that counts among all replicas: of the newest split, in one round trip. When the
    /// server does not answer in time, it is the one that counts here, and that is counted.
    pub async fn agree(&self, name: &PinName<'_>, proposed: Pin, now_s: u64) -> Pin {
        let agreed = match &self.shared {
            Some(server) => server.agree(name, proposed).await,
            None => Some(proposed),
        };
        if agreed.is_none() {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        self.remember(name, agreed.unwrap_or(proposed), now_s)
    }

    /// How many sessions this process remembers.
    #[must_use]
    pub fn held(&self) -> usize {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How often the server did not answer in time.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.unanswered.load(Ordering::Relaxed)
    }
}
