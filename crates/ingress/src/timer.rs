//! One timer for a connection. Moving its deadline is free: the clock wheel is only told when the
//! armed instant comes, or when the deadline moves to before it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

pub(crate) struct Timer {
    deadline: Instant,
    armed: Pin<Box<Sleep>>,
}

impl Timer {
    pub(crate) fn after(time: Duration) -> Self {
        let deadline = Instant::now() + time;
        Self { deadline, armed: Box::pin(sleep_until(deadline)) }
    }

    pub(crate) fn set(&mut self, time: Duration) {
        self.deadline = Instant::now() + time;
        if self.deadline < self.armed.deadline() {
            self.armed.as_mut().reset(self.deadline);
        }
    }

    /// Ready once the deadline is over.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.armed.as_mut().poll(cx).is_ready() {
            if Instant::now() >= self.deadline {
                return Poll::Ready(());
            }
            self.armed.as_mut().reset(self.deadline);
        }
        Poll::Pending
    }
}
