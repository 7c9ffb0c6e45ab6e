//! What became of the requests that a revision answered as a shadow: counts, and the newest examples.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use deploy_spec::{RevisionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::account::Found;

/// How many requests a revision answers as a shadow at a time; what is drawn besides is skipped.
const AT_ONCE: usize = 64;
/// How many examples are kept.
const EXAMPLES: usize = 32;

/// One of these for each revision.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    at_work: AtomicUsize,
    same: AtomicU64,
    different: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
    status: AtomicU64,
    headers: AtomicU64,
    body: AtomicU64,
    examples: Mutex<VecDeque<Difference>>,
}

/// What a revision did as a shadow since this process began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowStatus {
    /// Answers that were the same.
    pub same: u64,
    /// Answers that were not.
    pub different: u64,
    /// Requests that it did not answer to the end, or not in a minute.
    pub failed: u64,
    /// Requests that were not compared: too many at a time, or the client broke off.
    pub skipped: u64,
    /// How many of the different answers had another status.
    pub status: u64,
    /// How many had other headers.
    pub headers: u64,
    /// How many had another body.
    pub body: u64,
    /// The newest examples of what differed, newest last.
    pub examples: Vec<Difference>,
}

/// One request that two revisions answered differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// When.
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// The path, without the query, 512 characters at most.
    pub path: String,
    /// Who answered the client.
    pub answered_by: RevisionId,
    /// What differed.
    #[serde(flatten)]
    pub found: Found,
}

/// Room for one request.
#[derive(Debug)]
pub(super) struct Place(Arc<Tally>);

impl Tally {
    /// Room for one more request, if there is any.
    pub(super) fn place(self: &Arc<Self>) -> Option<Place> {
        let place = Place(Arc::clone(self));
        if self.at_work.fetch_add(1, Relaxed) < AT_ONCE {
            return Some(place);
        }
        place.skipped();
        None
    }

    /// What it has counted; none when nothing was drawn.
    pub(crate) fn status(&self) -> Option<ShadowStatus> {
        let count = |counter: &AtomicU64| counter.load(Relaxed);
        let examples = self.examples.lock().unwrap_or_else(PoisonError::into_inner);
        let status = ShadowStatus {
            same: count(&self.same),
            different: count(&self.different),
            failed: count(&self.failed),
            skipped: count(&self.skipped),
            status: count(&self.status),
            headers: count(&self.headers),
            body: count(&self.body),
            examples: examples.iter().cloned().collect(),
        };
        (status != ShadowStatus::default()).then_some(status)
    }
}

impl Place {
    pub(super) fn skipped(self) {
        self.0.skipped.fetch_add(1, Relaxed);
    }

    pub(super) fn failed(self) {
        self.0.failed.fetch_add(1, Relaxed);
    }

    pub(super) fn compared(self, difference: Option<Difference>) {
        let Some(difference) = difference else {
            self.0.same.fetch_add(1, Relaxed);
            return;
        };
        let tally = &self.0;
        tally.different.fetch_add(1, Relaxed);
        let found = &difference.found;
        for (counter, differs) in [
            (&tally.status, found.status.is_some()),
            (&tally.headers, !found.headers.is_empty()),
            (&tally.body, found.body.is_some()),
        ] {
            counter.fetch_add(differs.into(), Relaxed);
        }
        let mut examples = tally.examples.lock().unwrap_or_else(PoisonError::into_inner);
        if examples.len() == EXAMPLES {
            examples.pop_front();
        }
        examples.push_back(difference);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Relaxed);
    }
}
