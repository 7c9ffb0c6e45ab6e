//! The body of an answer, and the rest of the exchange behind it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use ingress::codec::ChunkedDecoder;
use ingress::read::poll_read;
use ingress::{Pipe, Poured, Upgrade};
use tokio::io::AsyncReadExt as _;

use crate::connection::Connection;
use crate::error::{BoxError, Error};
use crate::head::{Framing, ResponseHead, Violation};
use crate::http2::Http2Body;
use crate::pool::Pool;
use crate::sender::{Sender, Sending};

/// From this size on what is left is read into memory of its own instead of being copied there, in
/// bytes.
const LARGE: u64 = 16 * 1024;
/// How much of it at once, in bytes.
const ROOM: usize = 256 * 1024;

/// From this size on what is left goes through a pipe where it can, in bytes: less is not worth making
/// one.
const POURED: u64 = 128 * 1024;

/// The body of an answer. The rest of the request is sent while it is read; dropping it before its
/// end closes the connection. An error means that the answer is not whole.
pub struct Incoming(Kind);

enum Kind {
    Whole(Bytes),
    Stream(Box<Stream>),
    Http2(Box<Http2Body>),
}

struct Stream {
    /// None once it is given back or of no use.
    connection: Option<Connection>,
    pool: Arc<Pool>,
    sender: Option<Sender>,
    rest: Rest,
    /// What came and was not looked at.
    behind: Bytes,
    /// What is still to be given.
    trailers: Option<http::HeaderMap>,
    room: BytesMut,
    /// Whether the connection can be used again once all is over.
    can_stay: bool,
    is_waiting: bool,
    patience: Duration,
}

enum Rest {
    Done,
    Length(u64),
    Chunked(Box<ChunkedDecoder>),
    UntilClose,
    Tunnel,
}

impl Incoming {
    pub(crate) const fn empty() -> Self {
        Self(Kind::Whole(Bytes::new()))
    }

    pub(crate) fn http2(body: Http2Body) -> Self {
        Self(Kind::Http2(Box::new(body)))
    }

    pub(crate) fn new(
        pool: &Arc<Pool>,
        head: &ResponseHead,
        mut behind: Bytes,
        connection: Connection,
        mut sender: Option<Sender>,
        upgrade: Option<Upgrade>,
    ) -> Self {
        let settings = &pool.settings;
        let rest = match head.framing {
            Framing::None => Rest::Done,
            Framing::Length(length) if behind.len() as u64 >= length => Rest::Done,
            Framing::Length(length) => Rest::Length(length),
            Framing::Chunked => {
                Rest::Chunked(Box::new(ChunkedDecoder::new(u64::MAX, settings.max_head_bytes)))
            }
            Framing::UntilClose => Rest::UntilClose,
            Framing::Tunnel => Rest::Tunnel,
        };
        if matches!(rest, Rest::Done) {
            let length = match head.framing {
                Framing::Length(length) => usize::try_from(length).unwrap_or(behind.len()),
                _ => 0,
            };
            let is_clean = behind.len() == length && head.keep_alive && sender.is_none();
            behind.truncate(length);
            if is_clean {
                pool.give(connection);
            }
            return Self(Kind::Whole(behind));
        }
        let is_tunnel = matches!(rest, Rest::Tunnel);
        if let (true, Some(upgrade)) = (is_tunnel, upgrade) {
            sender = Some(Sender::raw(Box::pin(upgrade.into_body())));
        }
        Self(Kind::Stream(Box::new(Stream {
            connection: Some(connection),
            pool: Arc::clone(pool),
            sender,
            rest,
            behind,
            trailers: None,
            room: BytesMut::new(),
            can_stay: head.keep_alive && !is_tunnel,
            is_waiting: false,
            patience: settings.patience(head.status, &head.headers),
        })))
    }

    /// Puts what comes next into a pipe, see [`ingress::Service::poll_pour`].
    pub fn poll_pour(&mut self, cx: &mut Context<'_>, pipe: &mut Pipe) -> Poll<Poured> {
        match &mut self.0 {
            Kind::Stream(stream) => {
                stream.poll_pour(cx, pipe).map(|poured| poured.map(|it| it.map_err(Into::into)))
            }
            Kind::Whole(_) | Kind::Http2(_) => Poll::Ready(None),
        }
    }

    /// All of it, when it is here already.
    #[must_use]
    pub const fn whole(&self) -> Option<&Bytes> {
        match &self.0 {
            Kind::Whole(bytes) => Some(bytes),
            Kind::Stream(_) | Kind::Http2(_) => None,
        }
    }
}

impl Stream {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            if let Rest::Done = self.rest {
                return Poll::Ready(self.trailers.take().map(|it| Ok(Frame::trailers(it))));
            }
            self.send(cx);
            let bytes = match self.poll_bytes(cx) {
                Poll::Pending => return self.wait(cx).map(|error| self.fail(error)),
                Poll::Ready(Some(bytes)) => bytes,
                Poll::Ready(None) => {
                    return Poll::Ready(match self.rest {
                        Rest::UntilClose | Rest::Tunnel => {
                            self.finish();
                            None
                        }
                        _ => self.fail(Error::Closed),
                    });
                }
            };
            self.is_waiting = false;
            match self.take(bytes) {
                Ok(Some(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(None) => {}
                Err(violation) => return Poll::Ready(self.fail(violation.into())),
            }
        }
    }

    fn poll_pour(
        &mut self,
        cx: &mut Context<'_>,
        pipe: &mut Pipe,
    ) -> Poll<Option<Result<usize, Error>>> {
        let Rest::Length(rest) = self.rest else { return Poll::Ready(None) };
        let is_worth_it = rest >= POURED || pipe.is_open();
        if !is_worth_it || !self.behind.is_empty() || !pipe.open() {
            return Poll::Ready(None);
        }
        self.send(cx);
        let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
        let most = usize::try_from(rest).unwrap_or(ROOM).min(ROOM);
        let filled = match connection.socket.poll_fill(cx, pipe, most) {
            Poll::Pending => return self.wait(cx).map(|error| Some(Err(self.broken(error)))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(filled)) => filled.unwrap_or_default(),
        };
        self.is_waiting = false;
        Poll::Ready(Some(match (rest - filled as u64, filled) {
            (_, 0) => Err(self.broken(Error::Closed)),
            (0, _) => {
                self.finish();
                Ok(filled)
            }
            (rest, _) => {
                self.rest = Rest::Length(rest);
                Ok(filled)
            }
        }))
    }

    /// Goes on sending the request. Whether that fails is for the answer to say.
    fn send(&mut self, cx: &mut Context<'_>) {
        let (Some(sender), Some(connection)) = (&mut self.sender, &mut self.connection) else {
            return;
        };
        match sender.poll(&mut connection.socket, cx) {
            Ok(Sending::Done) => self.sender = None,
            Ok(_) => {}
            Err(_) => {
                self.sender = None;
                self.can_stay = false;
            }
        }
        let has_moved = self.sender.as_mut().is_some_and(Sender::take_moved);
        if has_moved && matches!(self.rest, Rest::Tunnel) {
            connection.timer.set(self.patience);
        }
    }

    /// The next bytes, whatever they mean; none at the end of the connection.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.behind.is_empty() {
            return Poll::Ready(Some(std::mem::take(&mut self.behind)));
        }
        let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
        let socket = &mut connection.socket;
        let bytes = match self.rest {
            Rest::Length(rest) if rest >= LARGE => {
                if self.room.capacity() < usize::try_from(LARGE).unwrap_or(ROOM) {
                    self.room.reserve(usize::try_from(rest).unwrap_or(ROOM).min(ROOM));
                }
                let read = std::pin::pin!(socket.read_buf(&mut self.room));
                ready!(read.poll(cx)).map(|_| self.room.split().freeze())
            }
            _ => ready!(poll_read(socket, cx, Bytes::copy_from_slice)),
        };
        // A reset ends a body that ends with its connection, but not as it should.
        Poll::Ready(match bytes {
            Ok(bytes) => Some(bytes).filter(|bytes| !bytes.is_empty()),
            Err(_) => {
                self.rest = Rest::Length(u64::MAX);
                None
            }
        })
    }

    /// Ready with a reason to give up once nothing has come for too long.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let Some(connection) = &mut self.connection else { return Poll::Pending };
        if !std::mem::replace(&mut self.is_waiting, true) {
            connection.timer.set(self.patience);
        }
        connection.timer.poll(cx).map(|()| Error::Timeout("go on with its answer"))
    }

    /// What these bytes are of the body.
    fn take(&mut self, mut bytes: Bytes) -> Result<Option<Bytes>, Violation> {
        match &mut self.rest {
            Rest::Done => Ok(None),
            Rest::UntilClose | Rest::Tunnel => Ok(Some(bytes)),
            Rest::Length(rest) => {
                if bytes.len() as u64 >= *rest {
                    self.can_stay &= bytes.len() as u64 == *rest;
                    bytes.truncate(usize::try_from(*rest).unwrap_or(usize::MAX));
                    self.finish();
                } else {
                    *rest -= bytes.len() as u64;
                }
                Ok(Some(bytes))
            }
            Rest::Chunked(decoder) => {
                let mut data = BytesMut::with_capacity(bytes.len());
                let decoded = decoder.decode(&bytes, &mut data).or(Err(Violation::Chunks))?;
                if decoded.done {
                    self.trailers = decoder.take_trailers().or(Err(Violation::Chunks))?;
                    self.can_stay &= decoded.consumed == bytes.len();
                    self.finish();
                }
                Ok(Some(data.freeze()).filter(|data| !data.is_empty()))
            }
        }
    }

    /// The answer is complete. A request that is not is of no interest to who has answered it.
    fn finish(&mut self) {
        self.rest = Rest::Done;
        if let Some(connection) = self.connection.take()
            && self.can_stay
            && self.sender.take().is_none()
        {
            self.pool.give(connection);
        }
    }

    fn fail(&mut self, error: Error) -> Option<Result<Frame<Bytes>, Error>> {
        Some(Err(self.broken(error)))
    }

    /// Nothing more comes.
    fn broken(&mut self, error: Error) -> Error {
        self.rest = Rest::Done;
        self.connection = None;
        self.sender = None;
        error
    }
}

impl http_body::Body for Incoming {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Stream(stream) => {
                stream.poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
            Kind::Http2(body) => {
                body.poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Stream(stream) => matches!(stream.rest, Rest::Done) && stream.trailers.is_none(),
            Kind::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(stream) => match stream.rest {
                Rest::Length(rest) => SizeHint::with_exact(rest),
                Rest::Done => SizeHint::with_exact(0),
                _ => SizeHint::default(),
            },
            Kind::Http2(body) => body.size_hint(),
        }
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.0 {
            Kind::Whole(_) => "Incoming(whole)",
            Kind::Stream(_) => "Incoming(stream)",
            Kind::Http2(_) => "Incoming(http2)",
        })
    }
}
