//! A guest that runs, until it ends or its time is over.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use super::respond::Shared;
use crate::failure::Failure;

type GuestFuture = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// One call of a guest's handler. Dropping it stops the guest and gives its instance back.
pub(super) struct Running {
    guest: GuestFuture,
    shared: Arc<Shared>,
    deadline: Instant,
    /// Wakes the task at the deadline; made when the guest first waits, which many never do.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Running {
    pub(super) fn new(shared: Arc<Shared>, guest: GuestFuture) -> Self {
        let deadline = Instant::now() + shared.time_limit();
        Self { guest, shared, deadline, alarm: None }
    }

    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        // The clock is asked besides the alarm, because a guest that spins and yields can keep a
        // runtime from looking at its timers for many turns.
        if Instant::now() >= self.deadline {
            return true;
        }
        let deadline = self.deadline;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        alarm.as_mut().poll(cx).is_ready()
    }
}

impl Future for Running {
    type Output = Result<(), Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { guest, shared, .. } = &mut *self;
        let ticking = shared.ticker.ticking();
        let polled = guest.as_mut().poll(cx);
        drop(ticking);
        match polled {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending if self.is_over(cx) => {
                let (pack, limit_ms) = (&self.shared.pack_id, self.shared.limits.timeout_ms);
                let revision = &self.shared.given.name;
                tracing::warn!(revision, %pack, limit_ms, "component stopped: it took too long");
                Poll::Ready(Err(Failure::TooSlow))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}
