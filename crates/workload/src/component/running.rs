//! A guest that runs, until it ends or its time is over.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use super::instance::Instance;
use super::respond::ComponentPack;
use crate::failure::Failure;

type GuestFuture = Pin<Box<dyn Future<Output = Result<Instance, Failure>> + Send>>;

/// One call of a guest's handler, which gives the instance when it came to its end. Dropping it stops
/// the guest and drops its instance.
pub(super) struct Running {
    guest: GuestFuture,
    pack: Arc<ComponentPack>,
    deadline: Instant,
    /// Wakes the task at the deadline; made when the guest first waits, which many never do.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Running {
    pub(super) fn new(pack: Arc<ComponentPack>, guest: GuestFuture) -> Self {
        let deadline = Instant::now() + pack.shared.time_limit();
        Self { guest, pack, deadline, alarm: None }
    }

    /// Where the instance goes that this gives.
    pub(super) fn pack(&self) -> &Arc<ComponentPack> {
        &self.pack
    }

    /// Runs a guest whose answer is complete to its end.
    pub(super) async fn finish(self) {
        let pack = Arc::clone(&self.pack);
        if let Ok(instance) = self.await {
            pack.keep(instance);
        }
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
    type Output = Result<Instance, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { guest, pack, .. } = &mut *self;
        let ticking = pack.shared.ticker.ticking();
        let polled = guest.as_mut().poll(cx);
        drop(ticking);
        match polled {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending if self.is_over(cx) => {
                let shared = &self.pack.shared;
                let (pack, limit_ms) = (&shared.pack_id, shared.limits.timeout_ms);
                let revision = &shared.given.name;
                tracing::warn!(revision, %pack, limit_ms, "component stopped: it took too long");
                Poll::Ready(Err(Failure::TooSlow))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}
