//! One request and its answer.

use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, Version};
use http_body::Frame;
use tokio::net::TcpStream;

use crate::body::{Body, BodyError, Channel};
use crate::codec::{
    ChunkedDecoder, Framing, Length, Reject, RequestHead, ResponseHead, write_chunk_size,
};
use crate::date;
use crate::drain::Drain;
use crate::pump::{Broken, Pump, Rest};
use crate::refusal;
use crate::service::{BoxError, Peer, Service};
use crate::settings::Settings;
use crate::sink::Sink;
use crate::timer::Timer;

/// A request that has arrived, all but the rest of its body.
pub(crate) struct Arrived {
    pub(crate) request: Request<Body>,
    channel: Option<Arc<Channel>>,
    rest: Rest,
    keep_alive: bool,
    expects_continue: bool,
}

impl Arrived {
    /// What `head` asks, with `behind`, the bytes that came behind it, of which it says how many
    /// belong to the body already.
    pub(crate) fn new(
        head: &RequestHead<'_>,
        behind: &[u8],
        settings: &Settings,
    ) -> Result<(Self, usize), Reject> {
        let (body, channel, rest, taken) = match head.framing {
            Framing::None => (Body::empty(), None, Rest::Done, 0),
            Framing::Length(length) if length > settings.max_body_bytes => {
                return Err(Reject::BodyTooLarge);
            }
            Framing::Length(length) if length <= behind.len() as u64 => {
                let n = usize::try_from(length).unwrap_or(0);
                (Body::whole(Bytes::copy_from_slice(&behind[..n])), None, Rest::Done, n)
            }
            Framing::Length(length) => {
                let channel = Arc::<Channel>::default();
                (
                    Body::channel(channel.clone(), Some(length)),
                    Some(channel),
                    Rest::Length(length),
                    0,
                )
            }
            Framing::Chunked => {
                let channel = Arc::<Channel>::default();
                let decoder = ChunkedDecoder::new(settings.max_body_bytes, settings.max_head_bytes);
                let rest = Rest::Chunked(Box::new(decoder));
                (Body::channel(channel.clone(), None), Some(channel), rest, 0)
            }
        };
        let request = head.to_request(body)?;
        let arrived = Self {
            request,
            channel,
            rest,
            keep_alive: head.keep_alive,
            expects_continue: head.expects_continue,
        };
        Ok((arrived, taken))
    }
}

/// What an exchange needs of its connection.
pub(crate) struct Line<'a> {
    pub(crate) stream: &'a mut TcpStream,
    pub(crate) ahead: Vec<u8>,
    pub(crate) timer: &'a mut Timer,
    pub(crate) settings: &'a Settings,
    pub(crate) drain: &'a Drain,
    pub(crate) buffer: Vec<u8>,
}

/// How an exchange ended.
pub(crate) enum Ended {
    /// Another request may follow; these bytes of it have come, and the buffer can be used again.
    Open(Vec<u8>, Vec<u8>),
    /// Say goodbye properly.
    Close,
    /// Nobody listens any more.
    Cut,
}

/// Answers one request.
pub(crate) async fn run<S: Service>(
    service: &S,
    peer: &Peer,
    arrived: Arrived,
    line: Line<'_>,
) -> Ended {
    let method = arrived.request.method().clone();
    let version = arrived.request.version();
    let (reader, writer) = line.stream.split();
    let mut sink = Sink::new(writer, line.buffer, line.settings.write_timeout);
    let mut pump = Pump {
        reader,
        ahead: line.ahead,
        rest: arrived.rest,
        channel: arrived.channel,
        owes_continue: arrived.expects_continue,
        refused: None,
        timer: line.timer,
        settings: line.settings,
        waiting: false,
    };
    let called = beside(&mut pump, guarded(service.call(arrived.request, peer))).await;
    let response = match called {
        Err(Broken::Gone) => return Ended::Cut,
        Ok(_) if pump.refused.is_some() => Err(pump.refused.unwrap_or(Reject::ServiceFailed)),
        Ok(None) => Err(Reject::ServiceFailed),
        Ok(Some(response)) => Ok(response),
    };
    let response = match response {
        Ok(response) => response,
        Err(reject) => {
            pump.fail(BodyError::Gone);
            *sink.gathered() = refusal::answer(reject, b"");
            return if sink.flush().await.is_ok() { close(&mut sink).await } else { Ended::Cut };
        }
    };
    let unread = pump.owes_continue && !pump.is_done();
    let may_stay = arrived.keep_alive && !line.drain.is_draining() && !unread;
    let written = beside(&mut pump, write(&mut sink, response, &method, version, may_stay)).await;
    match written {
        Ok(Ok(true)) if pump.read_away().await => Ended::Open(pump.ahead, sink.into_buffer()),
        Ok(Ok(_)) => close(&mut sink).await,
        _ => Ended::Cut,
    }
}

async fn close(sink: &mut Sink<'_>) -> Ended {
    match sink.shut().await {
        Ok(()) => Ended::Close,
        Err(_) => Ended::Cut,
    }
}

/// Runs `main` to its end and keeps the request body flowing meanwhile.
async fn beside<T>(pump: &mut Pump<'_>, main: impl Future<Output = T>) -> Result<T, Broken> {
    let mut main = pin!(main);
    std::future::poll_fn(|cx| {
        loop {
            if let Poll::Ready(done) = main.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            match pump.poll(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(broken)) => return Poll::Ready(Err(broken)),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}

/// The output of `future`; none when it panicked.
async fn guarded<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        match polled {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

/// Writes an answer. True when another request may follow it.
async fn write<B>(
    sink: &mut Sink<'_>,
    response: Response<B>,
    method: &Method,
    version: Version,
    may_stay: bool,
) -> io::Result<bool>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let (parts, body) = response.into_parts();
    let hint = body.size_hint().exact();
    let length = Length::choose(method, version, (parts.status, &parts.headers), hint);
    let keep_alive = may_stay && length != Length::UntilClose;
    let head = ResponseHead {
        status: parts.status,
        headers: &parts.headers,
        length,
        version,
        keep_alive,
        date: &date::now(),
    };
    head.write(sink.gathered());
    if !matches!(length, Length::Bodiless(_)) {
        write_body(sink, body, length).await?;
    }
    sink.flush().await?;
    Ok(keep_alive)
}

/// What a body has for us.
enum Piece {
    Frame(Frame<Bytes>),
    /// Nothing at the moment: send what is gathered.
    Nothing,
    End,
}

async fn write_body<B>(sink: &mut Sink<'_>, body: B, length: Length) -> io::Result<()>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let mut body = pin!(body);
    let mut rest = match length {
        Length::Known(length) => length,
        _ => u64::MAX,
    };
    loop {
        let gathered = !sink.gathered().is_empty();
        match std::future::poll_fn(|cx| poll_piece(body.as_mut(), cx, gathered)).await? {
            Piece::Nothing => sink.flush().await?,
            Piece::End => break,
            Piece::Frame(frame) => match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => {
                    let n = data.len() as u64;
                    rest = rest.checked_sub(n).ok_or_else(|| wrong("longer than it said"))?;
                    write_data(sink, data, length).await?;
                }
                Err(frame) => {
                    if let (Length::Chunked, Ok(trailers)) = (length, frame.into_trailers()) {
                        sink.gathered().extend_from_slice(b"0\r\n");
                        for (name, value) in &trailers {
                            let out = sink.gathered();
                            out.extend_from_slice(name.as_str().as_bytes());
                            out.extend_from_slice(b": ");
                            out.extend_from_slice(value.as_bytes());
                            out.extend_from_slice(b"\r\n");
                        }
                        sink.gathered().extend_from_slice(b"\r\n");
                        return Ok(());
                    }
                }
            },
        }
    }
    match length {
        Length::Known(_) if rest > 0 => Err(wrong("shorter than it said")),
        Length::Chunked => {
            sink.gathered().extend_from_slice(b"0\r\n\r\n");
            Ok(())
        }
        _ => Ok(()),
    }
}

async fn write_data(sink: &mut Sink<'_>, data: Bytes, length: Length) -> io::Result<()> {
    if length != Length::Chunked {
        return sink.put(data).await;
    }
    write_chunk_size(sink.gathered(), data.len());
    sink.put(data).await?;
    sink.gathered().extend_from_slice(b"\r\n");
    Ok(())
}

fn poll_piece<B>(body: Pin<&mut B>, cx: &mut Context<'_>, gathered: bool) -> Poll<io::Result<Piece>>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    match body.poll_frame(cx) {
        Poll::Ready(Some(Ok(frame))) => Poll::Ready(Ok(Piece::Frame(frame))),
        Poll::Ready(Some(Err(error))) => Poll::Ready(Err(io::Error::other(error))),
        Poll::Ready(None) => Poll::Ready(Ok(Piece::End)),
        Poll::Pending if gathered => Poll::Ready(Ok(Piece::Nothing)),
        Poll::Pending => Poll::Pending,
    }
}

fn wrong(how: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the body of an answer is {how}"))
}
