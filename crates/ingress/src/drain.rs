//! Telling every connection of a server that it is time to finish.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// What the connections of one server share.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    draining: AtomicBool,
    told: Notify,
    open: AtomicUsize,
    closed: Notify,
    cut: AtomicUsize,
}

impl Drain {
    pub(crate) fn begin(&self) {
        self.draining.store(true, Ordering::Release);
        self.told.notify_waiters();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Ends once the drain has begun.
    pub(crate) async fn begun(&self) {
        let told = self.told.notified();
        tokio::pin!(told);
        told.as_mut().enable();
        if !self.is_draining() {
            told.await;
        }
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Remembers how many connections are open now that the patience is over.
    pub(crate) fn note_cut(&self) {
        self.cut.fetch_max(self.open(), Ordering::AcqRel);
    }

    /// How many connections were open when the patience was over.
    pub(crate) fn was_cut(&self) -> usize {
        self.cut.load(Ordering::Acquire)
    }

    /// Counts a connection for as long as the result lives.
    pub(crate) fn count(self: &std::sync::Arc<Self>) -> Counted {
        self.open.fetch_add(1, Ordering::AcqRel);
        Counted(std::sync::Arc::clone(self))
    }

    /// Ends once no connection is open.
    pub(crate) async fn all_closed(&self) {
        loop {
            let closed = self.closed.notified();
            tokio::pin!(closed);
            closed.as_mut().enable();
            if self.open() == 0 {
                return;
            }
            closed.await;
        }
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Counted(std::sync::Arc<Drain>);

impl Counted {
    pub(crate) fn drain(&self) -> &Drain {
        &self.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.closed.notify_waiters();
        }
    }
}
