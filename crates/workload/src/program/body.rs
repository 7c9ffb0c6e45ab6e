//! What a program sends, as it comes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use upstream::{Incoming, Pipe, Poured};

use super::pack::ProgramPack;
use crate::body::BoxError;
use crate::failure::Failure;

/// The body of a program's answer. The program is not stopped while there is one. Dropping it
/// before its end closes the connection, and by that tells the program to stop.
pub(crate) struct ProgramBody {
    incoming: Incoming,
    _pack: Arc<ProgramPack>,
    /// None of a stream, which ends when one of the two wants.
    deadline: Option<Instant>,
    is_late: bool,
    /// Wakes the task at the deadline; made when the program first lets us wait.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl ProgramBody {
    pub(super) const fn new(
        pack: Arc<ProgramPack>,
        incoming: Incoming,
        deadline: Option<Instant>,
    ) -> Self {
        Self { incoming, _pack: pack, deadline, is_late: false, alarm: None }
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.is_late || self.incoming.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.poll_in_time(cx, |incoming, cx| Pin::new(incoming).poll_frame(cx))
    }

    pub(crate) fn poll_pour(&mut self, cx: &mut Context<'_>, pipe: &mut Pipe) -> Poll<Poured> {
        self.poll_in_time(cx, |incoming, cx| incoming.poll_pour(cx, pipe))
    }

    fn poll_in_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Incoming, &mut Context<'_>) -> Poll<Option<Result<T, BoxError>>>,
    ) -> Poll<Option<Result<T, BoxError>>> {
        if self.is_late {
            return Poll::Ready(None);
        }
        match poll(&mut self.incoming, cx) {
            Poll::Pending if self.poll_late(cx) => {
                self.is_late = true;
                Poll::Ready(Some(Err(Failure::TooSlow.into())))
            }
            polled => polled,
        }
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.deadline else { return false };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        alarm.as_mut().poll(cx).is_ready()
    }
}
