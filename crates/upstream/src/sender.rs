//! The sending side of an exchange: what is at hand goes out in one write.

use std::io::{IoSlice, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use ingress::codec::{may_trail, write_chunk_size};
use tokio::io::AsyncWrite as _;

use crate::error::{BoxError, Error};
use crate::settings::Settings;
use crate::socket::Socket;

/// Pieces up to this size are copied behind what is gathered, in bytes.
const COPIED: usize = 16 * 1024;
/// No more is gathered before it is sent, in bytes.
const FULL: usize = 64 * 1024;

/// The body of a request on its way.
pub(crate) type Body = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BoxError> + Send>>;

/// How the body of a request is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// So many bytes are still to come.
    Length(u64),
    Chunked,
    /// Byte for byte, until it ends; then our side of the connection does.
    Raw,
}

/// Where the rest of a request comes from.
pub(crate) enum Source {
    /// There is no more.
    Done,
    /// Not asked for before the server says that it wants it.
    Held(Body, Outgoing),
    Flowing(Body, Outgoing),
}

/// What sending waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Nothing: all is sent.
    Done,
    /// The server takes no more at the moment.
    OnServer,
    /// The body has nothing at the moment.
    OnClient,
    /// The server has not said `100 Continue`.
    Held,
}

impl Sending {
    /// The time that begins now, where one does: until the server says to go on, or until it answers.
    /// `before` is what was waited for, and `has_moved` says whether bytes went out since.
    pub(crate) fn begins(
        self,
        before: Self,
        has_moved: bool,
        settings: &Settings,
    ) -> Option<Duration> {
        if self == Self::Held && before != Self::Held {
            return Some(settings.continue_timeout);
        }
        (has_moved || before == Self::OnClient).then_some(settings.head_timeout)
    }

    /// Whether the server's time runs. What the client takes is not counted.
    pub(crate) const fn is_the_servers(self) -> bool {
        matches!(self, Self::Done | Self::OnServer)
    }
}

pub(crate) struct Sender {
    gathered: Vec<u8>,
    at: usize,
    /// Behind what is gathered.
    piece: Bytes,
    source: Source,
    /// Whether `gathered` is all that was ever to be sent.
    is_whole: bool,
    has_sent: bool,
    has_moved: bool,
}

impl Sender {
    pub(crate) const fn new(head: Vec<u8>, source: Source) -> Self {
        Self {
            gathered: head,
            at: 0,
            piece: Bytes::new(),
            source,
            is_whole: true,
            has_sent: false,
            has_moved: false,
        }
    }

    /// Sends what `body` gives, as it is.
    pub(crate) const fn raw(body: Body) -> Self {
        Self::new(Vec::new(), Source::Flowing(body, Outgoing::Raw))
    }

    /// Whether bytes went out since the last time.
    pub(crate) const fn take_moved(&mut self) -> bool {
        std::mem::replace(&mut self.has_moved, false)
    }

    /// Lets the body flow that was held back.
    pub(crate) fn release(&mut self) {
        self.source = match std::mem::replace(&mut self.source, Source::Done) {
            Source::Held(body, framing) => Source::Flowing(body, framing),
            source => source,
        };
    }

    /// Goes back to the beginning, to be sent on another connection. False if that cannot be, or
    /// may not be because bytes have gone out and `may_repeat` says no.
    pub(crate) fn rewind(&mut self, may_repeat: impl FnOnce() -> bool) -> bool {
        if !self.has_sent {
            return true;
        }
        let is_whole = self.is_whole && matches!(self.source, Source::Done | Source::Held(..));
        if is_whole && may_repeat() {
            self.at = 0;
            self.has_sent = false;
            return true;
        }
        false
    }

    /// Sends what can be sent.
    ///
    /// # Errors
    /// [`Error::Closed`] when the server takes no more, [`Error::Body`] when the body broke off.
    pub(crate) fn poll(
        &mut self,
        socket: &mut Socket,
        cx: &mut Context<'_>,
    ) -> Result<Sending, Error> {
        loop {
            let waits = self.gather(cx)?;
            if !self.flush(socket, cx)? {
                return Ok(Sending::OnServer);
            }
            match waits {
                Some(Sending::Done) if matches!(self.source, Source::Flowing(_, Outgoing::Raw)) => {
                    self.source = Source::Done;
                    let _ = Pin::new(&mut *socket).poll_shutdown(cx);
                    return Ok(Sending::Done);
                }
                Some(Sending::Done) => {
                    self.source = Source::Done;
                    return Ok(Sending::Done);
                }
                Some(waits) => return Ok(waits),
                None => {}
            }
        }
    }

    /// Takes from the body what it has, up to a bound; then there is nothing to wait for.
    fn gather(&mut self, cx: &mut Context<'_>) -> Result<Option<Sending>, Error> {
        while self.piece.is_empty() && self.gathered.len() - self.at < FULL {
            let (body, framing) = match &mut self.source {
                Source::Done => return Ok(Some(Sending::Done)),
                Source::Held(..) => return Ok(Some(Sending::Held)),
                Source::Flowing(body, framing) => (body, framing),
            };
            let frame = match body.as_mut().poll_frame(cx) {
                Poll::Pending => return Ok(Some(Sending::OnClient)),
                Poll::Ready(Some(Err(error))) => return Err(Error::Body(error)),
                Poll::Ready(None) => return self.end(None).map(Some),
                Poll::Ready(Some(Ok(frame))) => frame,
            };
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => {
                    if let Outgoing::Length(rest) = framing {
                        let left = rest.checked_sub(data.len() as u64);
                        *rest = left.ok_or_else(|| broken("is longer than it said"))?;
                    }
                    let framing = *framing;
                    self.add(data, framing);
                }
                Err(frame) => return self.end(frame.trailers_ref()).map(Some),
            }
        }
        Ok(None)
    }

    fn add(&mut self, data: Bytes, framing: Outgoing) {
        if self.at == self.gathered.len() && self.at > 0 {
            self.gathered.clear();
            self.at = 0;
            self.is_whole = false;
        }
        let is_chunk = framing == Outgoing::Chunked;
        if is_chunk {
            write_chunk_size(&mut self.gathered, data.len());
        }
        if data.len() > COPIED && !is_chunk {
            self.piece = data;
            self.is_whole = false;
            return;
        }
        self.gathered.extend_from_slice(&data);
        if is_chunk {
            self.gathered.extend_from_slice(b"\r\n");
        }
    }

    /// The body is over.
    fn end(&mut self, trailers: Option<&http::HeaderMap>) -> Result<Sending, Error> {
        let Source::Flowing(_, framing) = &self.source else { return Ok(Sending::Done) };
        match *framing {
            Outgoing::Length(rest) if rest > 0 => return Err(broken("is shorter than it said")),
            Outgoing::Length(_) => self.source = Source::Done,
            Outgoing::Raw => {}
            Outgoing::Chunked => {
                self.gathered.extend_from_slice(b"0\r\n");
                for (name, value) in trailers.into_iter().flatten() {
                    if may_trail(name.as_str()) {
                        let _ = write!(self.gathered, "{name}: ");
                        self.gathered.extend_from_slice(value.as_bytes());
                        self.gathered.extend_from_slice(b"\r\n");
                    }
                }
                self.gathered.extend_from_slice(b"\r\n");
                self.source = Source::Done;
            }
        }
        Ok(Sending::Done)
    }

    /// True when nothing is left to send.
    fn flush(&mut self, socket: &mut Socket, cx: &mut Context<'_>) -> Result<bool, Error> {
        while self.at < self.gathered.len() || !self.piece.is_empty() {
            let head = &self.gathered[self.at..];
            let written = if self.piece.is_empty() {
                Pin::new(&mut *socket).poll_write(cx, head)
            } else {
                let slices = [IoSlice::new(head), IoSlice::new(&self.piece)];
                Pin::new(&mut *socket).poll_write_vectored(cx, &slices)
            };
            let sent = match written {
                Poll::Pending => return Ok(false),
                Poll::Ready(Ok(sent)) if sent > 0 => sent,
                Poll::Ready(_) => return Err(Error::Closed),
            };
            self.has_sent = true;
            self.has_moved = true;
            let of_head = sent.min(head.len());
            self.at += of_head;
            self.piece.advance(sent - of_head);
        }
        // TLS may have taken what its socket has not.
        match Pin::new(socket).poll_flush(cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(_)) => Err(Error::Closed),
        }
    }
}

/// The body of a request is not what it said.
pub(crate) fn broken(how: &str) -> Error {
    Error::Body(format!("it {how}").into())
}
