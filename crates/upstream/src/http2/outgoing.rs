//! The body of a request. What was taken of it is kept for a while, because a server may say that it
//! has not looked at the request, which is then sent again.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;

use crate::error::Error;
use crate::sender::{Body, broken};

/// How much is kept at most, in bytes.
const KEPT: usize = 64 * 1024;

pub(super) struct Outgoing {
    /// None when there is nothing more of it.
    body: Option<Body>,
    trailers: Option<HeaderMap>,
    /// How much is still to come, where that was said.
    rest: Option<u64>,
    /// The first pieces of it.
    kept: Vec<Bytes>,
    /// How many of them were given.
    at: usize,
    size: usize,
    /// Whether `kept` is all that was taken.
    is_kept: bool,
    is_held: bool,
}

/// What comes next.
pub(super) enum Piece {
    Data(Bytes),
    /// The end of the body.
    End(Option<HeaderMap>),
}

impl Outgoing {
    pub(super) const fn none() -> Self {
        Self {
            body: None,
            trailers: None,
            rest: None,
            kept: Vec::new(),
            at: 0,
            size: 0,
            is_kept: true,
            is_held: false,
        }
    }

    /// A body of so many bytes, where that is known; one that is held is not touched before it is
    /// [`release`](Self::release)d.
    pub(super) fn new(body: Body, length: Option<u64>, is_held: bool) -> Self {
        Self { body: Some(body), rest: length, is_held, ..Self::none() }
    }

    /// Whether there is nothing to send, not even an end.
    pub(super) const fn is_empty(&self) -> bool {
        self.body.is_none() && self.kept.is_empty() && self.trailers.is_none()
    }

    pub(super) const fn is_held(&self) -> bool {
        self.is_held
    }

    /// Lets the body flow that was held back.
    pub(super) const fn release(&mut self) {
        self.is_held = false;
    }

    /// Goes back to the beginning. False if not all is there any more.
    pub(super) const fn rewind(&mut self) -> bool {
        self.at = 0;
        self.is_kept
    }

    /// It will not be sent again.
    pub(super) fn forget(&mut self) {
        self.is_kept = false;
        self.kept.drain(..self.at);
        self.at = 0;
    }

    /// # Errors
    /// [`Error::Body`]: it broke off, or is not as long as it said.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Error>> {
        if let Some(piece) = self.kept.get(self.at) {
            self.at += 1;
            return Poll::Ready(Ok(Piece::Data(piece.clone())));
        }
        loop {
            let Some(body) = &mut self.body else {
                return Poll::Ready(Ok(Piece::End(self.trailers.clone())));
            };
            let frame = match ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Err(Error::Body(error))),
                None => return Poll::Ready(self.end(None)),
            };
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Poll::Ready(self.take(data)),
                Err(frame) => return Poll::Ready(self.end(frame.into_trailers().ok())),
            }
        }
    }

    fn take(&mut self, data: Bytes) -> Result<Piece, Error> {
        if let Some(rest) = &mut self.rest {
            let left = rest.checked_sub(data.len() as u64);
            *rest = left.ok_or_else(|| broken("is longer than it said"))?;
        }
        self.size = self.size.saturating_add(data.len());
        if self.is_kept && self.size <= KEPT {
            self.kept.push(data.clone());
            self.at = self.kept.len();
        } else if self.is_kept {
            self.forget();
        }
        Ok(Piece::Data(data))
    }

    fn end(&mut self, trailers: Option<HeaderMap>) -> Result<Piece, Error> {
        if self.rest.is_some_and(|rest| rest > 0) {
            return Err(broken("is shorter than it said"));
        }
        self.body = None;
        self.trailers = trailers;
        Ok(Piece::End(self.trailers.clone()))
    }

    /// Whether nothing comes behind the piece that was given last.
    pub(super) fn is_over(&self) -> bool {
        let is_ended = match &self.body {
            Some(body) => body.is_end_stream() && self.rest.is_none_or(|rest| rest == 0),
            None => self.trailers.is_none(),
        };
        is_ended && self.at == self.kept.len()
    }
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").field("rest", &self.rest).finish_non_exhaustive()
    }
}
