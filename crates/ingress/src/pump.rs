//! The receiving side of an exchange: takes the request body from the socket when the service asks
//! for it, and notices when the client goes away.

mod read_away;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use tokio::net::tcp::ReadHalf;

use crate::body::{BodyError, Channel};
use crate::codec::{ChunkedDecoder, Reject};
use crate::half_close::HalfClose;
use crate::read::{poll_read, poll_read_up_to};
use crate::settings::Settings;
use crate::timer::Timer;

/// What a client waits for before it sends a body (RFC 9110 §10.1.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// How much is read that nobody asks for, so that the end behind it is noticed, in bytes: an unread
/// body, the next requests.
const AHEAD: usize = 64 * 1024;

/// How the rest of a body is found.
pub(crate) enum Rest {
    /// It is complete.
    Done,
    /// So many bytes.
    Length(u64),
    /// Chunked.
    Chunked(Box<ChunkedDecoder>),
    /// It is another protocol, until the client ends its side.
    Tunnel,
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
    pub(crate) half_close: HalfClose<'a>,
}

impl Pump<'_> {
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.rest, Rest::Done)
    }

    /// Moves what can be moved. Ready with progress, or with the reason to give up.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let open = !self.is_done() && self.refused.is_none();
        let wanted = open && self.channel.as_ref().is_some_and(|channel| channel.poll_wanted(cx));
        if !wanted {
            self.waiting = false;
            return self.poll_ahead(cx);
        }
        if let Err(broken) = self.say_continue() {
            return Poll::Ready(Err(broken));
        }
        self.poll_body(cx)
    }

    /// Appends `100 Continue` to `out` if it belongs in front of the answer that comes next. Who
    /// still holds the body then is part of the answer and may read it, and behind the head of the
    /// answer it is too late.
    pub(crate) fn put_continue(&mut self, out: &mut Vec<u8>) {
        let held = self.channel.as_ref().is_some_and(|channel| Arc::strong_count(channel) > 1);
        if held && std::mem::take(&mut self.owes_continue) {
            out.extend_from_slice(CONTINUE);
        }
    }

    /// What the client sends from now on is another protocol, for `channel`.
    pub(crate) fn open_tunnel(&mut self, channel: Arc<Channel>) {
        self.rest = Rest::Tunnel;
        self.channel = Some(channel);
    }

    /// Whether a request can follow on this connection, as far as is known before the answer.
    pub(crate) fn may_stay(&self) -> bool {
        let unasked = self.owes_continue && !self.is_done();
        let over = self.half_close.has_begun() && self.ahead.is_empty();
        !unasked && !over
    }

    fn say_continue(&mut self) -> Result<(), Broken> {
        if !std::mem::take(&mut self.owes_continue) {
            return Ok(());
        }
        let written = self.reader.as_ref().try_write(CONTINUE).ok();
        if written == Some(CONTINUE.len()) { Ok(()) } else { Err(Broken::Gone) }
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if !self.ahead.is_empty() {
            let bytes = std::mem::take(&mut self.ahead);
            self.take(&bytes);
            return Poll::Ready(Ok(()));
        }
        let is_tunnel = matches!(self.rest, Rest::Tunnel);
        if !std::mem::replace(&mut self.waiting, true) {
            // How long nothing may move either way is for the service to say.
            self.timer.set(if is_tunnel { Duration::MAX } else { self.settings.body_timeout });
        }
        match poll_read(&mut self.reader, cx, Bytes::copy_from_slice) {
            Poll::Ready(Ok(bytes)) if !bytes.is_empty() => {
                self.waiting = false;
                self.take(&bytes);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(_)) if is_tunnel => {
                self.end();
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

    /// While nobody asks for anything: what comes is kept for later, within bounds, and the end of
    /// the stream makes the answer urgent.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let patience = self.settings.half_close_timeout;
        if self.half_close.has_begun() {
            let over = self.half_close.poll(cx, self.timer, patience);
            return over.map(|()| Err(Broken::Gone));
        }
        let room = AHEAD.saturating_sub(self.ahead.len());
        if room == 0 {
            return Poll::Pending;
        }
        let ahead = &mut self.ahead;
        let came = poll_read_up_to(room, &mut self.reader, cx, |bytes| {
            ahead.extend_from_slice(bytes);
            bytes.len()
        });
        match came {
            Poll::Ready(Ok(0)) => {
                self.half_close.begin(self.timer, patience);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(_)) => Poll::Ready(Ok(())),
            Poll::Ready(Err(_)) => Poll::Ready(Err(Broken::Gone)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Takes bytes of the body; what lies behind it goes ahead.
    fn take(&mut self, bytes: &[u8]) {
        match &mut self.rest {
            Rest::Done => self.ahead.extend_from_slice(bytes),
            Rest::Tunnel => self.give(Frame::data(Bytes::copy_from_slice(bytes))),
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
}
