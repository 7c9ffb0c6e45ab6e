//! The receiving side of an exchange: takes the request body from the socket when the service asks
//! for it, and notices when the client goes away.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use tokio::net::tcp::ReadHalf;

use crate::body::{BodyError, Channel};
use crate::codec::{ChunkedDecoder, Reject};
use crate::read::poll_read;
use crate::settings::Settings;
use crate::timer::Timer;

/// How much of the next requests a client may send ahead, in bytes.
const AHEAD: usize = 64 * 1024;
/// How much of an unread body is read away to keep the connection, in bytes.
const READ_AWAY: usize = 256 * 1024;

/// How the rest of a body is found.
pub(crate) enum Rest {
    /// It is complete.
    Done,
    /// So many bytes.
    Length(u64),
    /// Chunked.
    Chunked(Box<ChunkedDecoder>),
}

/// Why an exchange cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The client went away.
    Gone,
}

pub(crate) struct Pump<'a> {
    pub(crate) reader: ReadHalf<'a>,
    /// Bytes that came and belong to what comes next.
    pub(crate) ahead: Vec<u8>,
    pub(crate) rest: Rest,
    pub(crate) channel: Option<Arc<Channel>>,
    /// The client waits for `100 Continue`.
    pub(crate) owes_continue: bool,
    /// Why the body was refused.
    pub(crate) refused: Option<Reject>,
    pub(crate) timer: &'a mut Timer,
    pub(crate) settings: &'a Settings,
    pub(crate) waiting: bool,
}

impl Pump<'_> {
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.rest, Rest::Done)
    }

    /// Moves what can be moved. Ready with progress, or with the reason to give up.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if self.is_done() || self.refused.is_some() {
            return self.poll_ahead(cx);
        }
        let wanted = self.channel.as_ref().is_some_and(|channel| channel.poll_wanted(cx));
        if !wanted {
            self.waiting = false;
            return Poll::Pending;
        }
        if self.owes_continue {
            self.owes_continue = false;
            let line = b"HTTP/1.1 100 Continue\r\n\r\n";
            if self.reader.as_ref().try_write(line).ok() != Some(line.len()) {
                return Poll::Ready(Err(Broken::Gone));
            }
        }
        self.poll_body(cx)
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if !self.ahead.is_empty() {
            let bytes = std::mem::take(&mut self.ahead);
            self.take(&bytes);
            return Poll::Ready(Ok(()));
        }
        if !std::mem::replace(&mut self.waiting, true) {
            self.timer.set(self.settings.body_timeout);
        }
        match poll_read(&mut self.reader, cx, Bytes::copy_from_slice) {
            Poll::Ready(Ok(bytes)) if !bytes.is_empty() => {
                self.waiting = false;
                self.take(&bytes);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(_) => {
                self.fail(BodyError::Gone);
                Poll::Ready(Err(Broken::Gone))
            }
            Poll::Pending if self.timer.poll(cx).is_ready() => {
                self.refuse(Reject::BodyTimeout);
                Poll::Ready(Ok(()))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Between the end of the body and the end of the answer: what comes belongs to the next
    /// request, and the end of the stream means that nobody waits for the answer.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if self.ahead.len() >= AHEAD || self.refused.is_some() {
            return Poll::Pending;
        }
        let ahead = &mut self.ahead;
        let came = poll_read(&mut self.reader, cx, |bytes| {
            ahead.extend_from_slice(bytes);
            bytes.len()
        });
        match came {
            Poll::Ready(Ok(1..)) => Poll::Ready(Ok(())),
            Poll::Ready(_) => Poll::Ready(Err(Broken::Gone)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Takes bytes of the body; what lies behind it goes ahead.
    fn take(&mut self, bytes: &[u8]) {
        match &mut self.rest {
            Rest::Done => self.ahead.extend_from_slice(bytes),
            Rest::Length(rest) => {
                let n = usize::try_from(*rest).unwrap_or(usize::MAX).min(bytes.len());
                *rest -= n as u64;
                let done = *rest == 0;
                self.ahead.extend_from_slice(&bytes[n..]);
                self.give(Frame::data(Bytes::copy_from_slice(&bytes[..n])));
                if done {
                    self.end();
                }
            }
            Rest::Chunked(decoder) => {
                let mut data = BytesMut::new();
                match decoder.decode(bytes, &mut data) {
                    Ok(decoded) => {
                        self.ahead.extend_from_slice(&bytes[decoded.consumed..]);
                        if !data.is_empty() {
                            self.give(Frame::data(data.freeze()));
                        }
                        if decoded.done {
                            self.trailers();
                        }
                    }
                    Err(reject) => self.refuse(reject),
                }
            }
        }
    }

    fn trailers(&mut self) {
        let Rest::Chunked(decoder) = &mut self.rest else { return };
        match decoder.take_trailers() {
            Ok(trailers) => {
                if let Some(trailers) = trailers {
                    self.give(Frame::trailers(trailers));
                }
                self.end();
            }
            Err(reject) => self.refuse(reject),
        }
    }

    fn give(&self, frame: Frame<Bytes>) {
        if let Some(channel) = &self.channel {
            channel.push(frame);
        }
    }

    fn end(&mut self) {
        self.rest = Rest::Done;
        if let Some(channel) = &self.channel {
            channel.end();
        }
    }

    fn refuse(&mut self, reject: Reject) {
        self.refused = Some(reject);
        self.fail(BodyError::Refused(reject));
    }

    pub(crate) fn fail(&self, error: BodyError) {
        if let Some(channel) = &self.channel {
            channel.fail(error);
        }
    }

    /// Reads an unread body away, if that is cheap. True when the connection can be used again.
    pub(crate) async fn read_away(&mut self) -> bool {
        self.fail(BodyError::Gone);
        self.channel = None;
        if self.refused.is_some() || (self.owes_continue && !self.is_done()) {
            return false;
        }
        let mut budget = READ_AWAY;
        self.timer.set(self.settings.drain_idle);
        while !self.is_done() {
            let came = std::future::poll_fn(|cx| self.poll_bytes(cx)).await;
            match came {
                Some(bytes) if bytes.len() <= budget => {
                    budget -= bytes.len();
                    self.take(&bytes);
                }
                _ => return false,
            }
            if self.refused.is_some() {
                return false;
            }
        }
        true
    }

    /// The next bytes; none at the end of the stream or of the patience.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.ahead.is_empty() {
            return Poll::Ready(Some(std::mem::take(&mut self.ahead).into()));
        }
        match poll_read(&mut self.reader, cx, Bytes::copy_from_slice) {
            Poll::Ready(Ok(bytes)) if !bytes.is_empty() => Poll::Ready(Some(bytes)),
            Poll::Ready(_) => Poll::Ready(None),
            Poll::Pending => self.timer.poll(cx).map(|()| None),
        }
    }
}
