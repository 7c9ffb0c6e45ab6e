//! A client that has ended its side of the connection while its answer is due.
//!
//! TCP does not tell a client that will still read (`nc -N`) from one that has closed the whole
//! socket: both send a FIN. Only a client that is sent something shows which it is, because a closed
//! socket answers with a reset, which the next send reports. So the request goes on, but an answer
//! must begin, and go on, within a short time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::timer::Timer;

/// Counts the beginnings and ends of sends: odd while the socket has yet to take something.
#[derive(Debug, Default)]
pub(crate) struct Sends(AtomicUsize);

impl Sends {
    /// A send begins or ends.
    pub(crate) fn step(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

pub(crate) struct HalfClose<'a> {
    sends: &'a Sends,
    /// The sends that were counted last; none while the client can still send.
    seen: Option<usize>,
}

impl<'a> HalfClose<'a> {
    pub(crate) const fn new(sends: &'a Sends) -> Self {
        Self { sends, seen: None }
    }

    pub(crate) const fn has_begun(&self) -> bool {
        self.seen.is_some()
    }

    pub(crate) fn begin(&mut self, timer: &mut Timer, patience: Duration) {
        self.seen = Some(self.sends.count());
        timer.set(patience);
    }

    /// Ready once nothing has been sent for `patience`. A send under way is watched by its own
    /// timeout.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        timer: &mut Timer,
        patience: Duration,
    ) -> Poll<()> {
        let count = self.sends.count();
        if self.seen.replace(count) != Some(count) || count % 2 == 1 {
            timer.set(patience);
        }
        timer.poll(cx)
    }
}
