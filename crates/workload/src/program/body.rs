//! What a program sends, as it comes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use super::pack::ProgramPack;
use super::pool::Line;
use crate::body::BoxError;
use crate::failure::Failure;

/// The body of a program's answer. The program is not stopped while there is one. Dropping it
/// before its end closes the connection, and by that tells the program to stop.
pub(crate) struct ProgramBody {
    incoming: Incoming,
    /// Given back at the end.
    line: Option<Line>,
    pack: Arc<ProgramPack>,
    deadline: Instant,
    /// Wakes the task at the deadline; made when the program first lets us wait.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl ProgramBody {
    pub(super) fn new(
        pack: Arc<ProgramPack>,
        incoming: Incoming,
        line: Line,
        deadline: Instant,
    ) -> Self {
        Self { incoming, line: Some(line), pack, deadline, alarm: None }
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.incoming.is_end_stream()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Err(error))) => {
                self.line = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(frame))),
            Poll::Ready(None) => {
                self.give_back();
                Poll::Ready(None)
            }
            Poll::Pending if self.is_late(cx) => {
                self.line = None;
                Poll::Ready(Some(Err(Failure::TooSlow.into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let deadline = self.deadline;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        alarm.as_mut().poll(cx).is_ready()
    }

    fn give_back(&mut self) {
        if let Some(line) = self.line.take() {
            self.pack.pool.give(line);
        }
    }
}

impl Drop for ProgramBody {
    /// Who knows the length does not ask for the end.
    fn drop(&mut self) {
        if self.is_ended() {
            self.give_back();
        }
    }
}
