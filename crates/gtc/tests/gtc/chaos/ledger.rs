//! Which revisions may answer, as their operator knows it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// When each revision was ready, and when its time was over.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<HashMap<String, Option<Instant>>>>);

impl Ledger {
    /// Before it takes traffic.
    pub(super) fn is_ready(&self, revision: &str) {
        self.0.lock().unwrap().insert(revision.to_owned(), None);
    }

    /// Once it is inactive.
    pub(super) fn is_over(&self, revision: &str) {
        self.0.lock().unwrap().insert(revision.to_owned(), Some(Instant::now()));
    }

    /// Whether a revision may answer a request that was sent then.
    pub(super) fn may_answer(&self, revision: &str, sent: Instant) -> bool {
        let over = self.0.lock().unwrap().get(revision).copied();
        over.is_some_and(|over| over.is_none_or(|over| sent < over))
    }
}
