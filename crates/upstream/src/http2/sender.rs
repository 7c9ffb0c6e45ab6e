//! The sending side of a stream: a piece of the body is taken when the server has room for the one
//! before it.

use std::task::{Context, Poll};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;
use ingress::codec::may_trail;

use super::outgoing::{Outgoing, Piece};
use crate::error::Error;
use crate::sender::Sending;

pub(super) struct Sender {
    stream: SendStream<Bytes>,
    pub(super) outgoing: Outgoing,
    /// Taken from the body, and not sent.
    piece: Bytes,
    has_moved: bool,
}

impl Sender {
    pub(super) const fn new(stream: SendStream<Bytes>, outgoing: Outgoing) -> Self {
        Self { stream, outgoing, piece: Bytes::new(), has_moved: false }
    }

    /// Whether bytes went out since the last time.
    pub(super) const fn take_moved(&mut self) -> bool {
        std::mem::replace(&mut self.has_moved, false)
    }

    /// Sends what can be sent.
    ///
    /// # Errors
    /// [`Error::Body`] when the body broke off; the server has been told.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Result<Sending, Error> {
        loop {
            // It wants no more of it; why, it says in its answer or instead of one.
            if self.stream.poll_reset(cx).is_ready() {
                return Ok(Sending::Done);
            }
            if !self.piece.is_empty() {
                match self.poll_piece(cx) {
                    Poll::Pending => return Ok(Sending::OnServer),
                    Poll::Ready(true) => return Ok(Sending::Done),
                    Poll::Ready(false) => continue,
                }
            }
            if self.outgoing.is_held() {
                return Ok(Sending::Held);
            }
            match self.outgoing.poll_next(cx) {
                Poll::Pending => return Ok(Sending::OnClient),
                Poll::Ready(Ok(Piece::Data(data))) => self.piece = data,
                Poll::Ready(Ok(Piece::End(trailers))) => {
                    self.end(trailers.as_ref());
                    return Ok(Sending::Done);
                }
                Poll::Ready(Err(error)) => {
                    self.stream.send_reset(Reason::CANCEL);
                    return Err(error);
                }
            }
        }
    }

    /// Sends as much of the piece as there is room for. True when nothing more is to be sent.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.stream.reserve_capacity(self.piece.len());
        let mut room = self.stream.capacity();
        if room == 0 {
            room = match self.stream.poll_capacity(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(room))) => room,
                Poll::Ready(_) => return Poll::Ready(true),
            };
        }
        let part = self.piece.split_to(room.min(self.piece.len()));
        let is_last = self.piece.is_empty() && self.outgoing.is_over();
        self.has_moved = true;
        let is_sent = self.stream.send_data(part, is_last).is_ok();
        Poll::Ready(is_last || !is_sent)
    }

    fn end(&mut self, trailers: Option<&HeaderMap>) {
        let kept: HeaderMap = trailers
            .into_iter()
            .flatten()
            .filter(|(name, _)| may_trail(name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        // That the stream has ended meanwhile shows in the answer.
        let _ = match kept.is_empty() {
            true => self.stream.send_data(Bytes::new(), true),
            false => self.stream.send_trailers(kept),
        };
    }
}
