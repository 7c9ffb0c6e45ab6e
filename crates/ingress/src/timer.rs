//! One timer for a connection. Moving its deadline is free: the clock wheel is only told when the
//! armed instant comes, or when the deadline moves to before it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::clock::about_now;

/// What stands for a time that the clock cannot count to; nothing waits that long.
const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);

/// The instant `time` from now. `Duration::MAX`, the usual way to say "never", is in the far future.
pub(crate) fn from_now(time: Duration) -> Instant {
    Instant::now() + time.min(FAR)
}

/// A deadline that moves.
#[derive(Debug)]
pub struct Timer {
    deadline: Instant,
    armed: Pin<Box<Sleep>>,
}

impl Timer {
    /// A timer that is over in `time`.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        let deadline = from_now(time);
        Self { deadline, armed: Box::pin(sleep_until(deadline)) }
    }

    /// Moves the deadline to `time` from now.
    pub fn set(&mut self, time: Duration) {
        self.move_to(from_now(time));
    }

    fn move_to(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if deadline < self.armed.deadline() {
            self.armed.as_mut().reset(deadline);
        }
    }

    /// The same, from a time that may be a moment ago: cheaper, for what need not be exact.
    pub fn set_about(&mut self, time: Duration) {
        self.move_to(about_now() + time.min(FAR));
    }

    /// Ready once the deadline is over.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.armed.as_mut().poll(cx).is_ready() {
            if Instant::now() >= self.deadline {
                return Poll::Ready(());
            }
            self.armed.as_mut().reset(self.deadline);
        }
        Poll::Pending
    }
}
