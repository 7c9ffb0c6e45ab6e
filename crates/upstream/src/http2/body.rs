//! The body of an answer, and the rest of the exchange behind it.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use http_body::{Frame, SizeHint};
use ingress::timer::Timer;

use super::answer;
use super::link::Slot;
use super::sender::Sender;
use crate::error::Error;
use crate::head::Violation;
use crate::sender::Sending;

/// What a server sends on a stream. The rest of the request is sent while it is read; dropping it
/// before its end takes the request back, which the server is told.
pub(crate) struct Http2Body {
    /// None behind the end.
    open: Option<Open>,
    /// What is yet to come, where that was said.
    rest: Option<u64>,
    has_data: bool,
    timer: Timer,
    patience: Duration,
    is_waiting: bool,
}

struct Open {
    stream: RecvStream,
    sender: Option<Sender>,
    slot: Slot,
}

type Came = Option<Result<Frame<Bytes>, Error>>;

impl Http2Body {
    pub(super) fn new(
        stream: RecvStream,
        sender: Option<Sender>,
        slot: Slot,
        rest: Option<u64>,
        (timer, patience): (Timer, Duration),
    ) -> Self {
        let open = Some(Open { stream, sender, slot });
        Self { open, rest, has_data: true, timer, patience, is_waiting: false }
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        let Some(open) = &mut self.open else { return Poll::Ready(None) };
        open.send(cx);
        let came = if self.has_data { self.poll_data(cx) } else { self.poll_trailers(cx) };
        match came {
            Poll::Ready(came) => {
                self.is_waiting = false;
                let goes_on = matches!(&came, Some(Ok(frame)) if frame.is_data());
                if !goes_on {
                    self.open = None;
                }
                Poll::Ready(came)
            }
            Poll::Pending => self.wait(cx),
        }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        loop {
            let Some(open) = &mut self.open else { return Poll::Ready(None) };
            match open.stream.poll_data(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(data))) if data.is_empty() => {}
                Poll::Ready(Some(Ok(data))) => return Poll::Ready(Some(self.take(data))),
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(answer::failure(&error))));
                }
                Poll::Ready(None) => {
                    self.has_data = false;
                    return self.poll_trailers(cx);
                }
            }
        }
    }

    fn take(&mut self, data: Bytes) -> Result<Frame<Bytes>, Error> {
        if let Some(rest) = &mut self.rest {
            let left = rest.checked_sub(data.len() as u64);
            *rest = left.ok_or(Violation::BodyForbidden)?;
        }
        let open = self.open.as_mut().ok_or(Error::Closed)?;
        // Whoever asked has it, so the server may send as much again.
        let released = open.stream.flow_control().release_capacity(data.len());
        released.map_err(|error| answer::failure(&error))?;
        Ok(Frame::data(data))
    }

    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        let Some(open) = &mut self.open else { return Poll::Ready(None) };
        open.stream.poll_trailers(cx).map(|came| match came {
            Ok(None) => None,
            Ok(Some(came)) => {
                Some(answer::trailers(came).map(Frame::trailers).map_err(Error::from))
            }
            Err(error) => Some(Err(answer::failure(&error))),
        })
    }

    /// Ready with a reason to give up once nothing has come for too long.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        if !std::mem::replace(&mut self.is_waiting, true) {
            self.timer.set(self.patience);
        }
        self.timer.poll(cx).map(|()| {
            if let Some(open) = self.open.take() {
                open.slot.retire();
            }
            Some(Err(Error::Timeout("go on with its answer")))
        })
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.open.as_ref().is_none_or(|open| open.stream.is_end_stream() && open.sender.is_none())
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match (&self.open, self.rest) {
            (None, _) => SizeHint::with_exact(0),
            (Some(_), Some(rest)) => SizeHint::with_exact(rest),
            (Some(_), None) => SizeHint::default(),
        }
    }
}

impl Open {
    /// Goes on sending the request. Whether that fails is for the answer to say.
    fn send(&mut self, cx: &mut Context<'_>) {
        let is_over = match &mut self.sender {
            Some(sender) => !matches!(sender.poll(cx), Ok(Sending::OnServer | Sending::OnClient)),
            None => false,
        };
        if is_over {
            self.sender = None;
        }
    }
}
