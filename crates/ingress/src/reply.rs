//! Writing an answer as its body gives it.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, Version};
use http_body::Frame;

use crate::codec::{Length, ResponseHead, line, may_trail, write_chunk_size};
use crate::date;
use crate::pipe::Pipe;
use crate::service::{BoxError, Over, Poured, Service};
use crate::sink::Sink;
use crate::transport::Transport;

/// What a service says of its bodies.
pub(crate) struct Ways<B> {
    /// [`Service::poll_pour`].
    pub(crate) pour: Pour<B>,
    /// [`Service::poll_over`].
    pub(crate) over: Over<B>,
}

type Pour<B> = fn(Pin<&mut B>, &mut Context<'_>, &mut Pipe) -> Poll<Poured>;

impl<B> Ways<B> {
    /// Those of a service.
    pub(crate) fn of<S: Service<Body = B>>() -> Self {
        Self { pour: S::poll_pour, over: S::poll_over }
    }
}

/// Writes an answer. True when another request may follow it.
pub(crate) async fn write<B, T: Transport>(
    sink: &mut Sink<'_, T>,
    response: Response<B>,
    method: &Method,
    version: Version,
    may_stay: bool,
    ways: Ways<B>,
) -> io::Result<bool>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let (parts, body) = response.into_parts();
    let hint = body.size_hint().exact();
    let length = Length::choose(method, version, (parts.status, &parts.headers), hint);
    let ends_it = matches!(length, Length::UntilClose | Length::Tunnel);
    let keep_alive = may_stay && !ends_it;
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
        write_body(sink, body, length, &ways).await?;
    }
    sink.flush().await?;
    Ok(keep_alive)
}

/// What a body has for us.
enum Piece {
    Frame(Frame<Bytes>),
    /// So many bytes in the pipe.
    Poured(usize),
    /// Nothing at the moment: send what is gathered.
    Nothing,
    End,
}

async fn write_body<B, T>(
    sink: &mut Sink<'_, T>,
    body: B,
    length: Length,
    ways: &Ways<B>,
) -> io::Result<()>
where
    T: Transport,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    let mut body = pin!(body);
    let mut rest = match length {
        Length::Known(length) => length,
        _ => u64::MAX,
    };
    // Only what has no framing of its own, and goes as it came.
    let is_plain = matches!(length, Length::Known(_)) && sink.takes_pipes();
    let mut pipe = is_plain.then(Pipe::default);
    loop {
        let gathered = !sink.gathered().is_empty();
        let piece = |cx: &mut Context<'_>| {
            let through = pipe.as_mut().map(|pipe| (pipe, ways.pour));
            poll_piece(body.as_mut(), cx, gathered, through)
        };
        match std::future::poll_fn(piece).await? {
            Piece::Nothing => unless_over(body.as_mut(), ways, sink.flush()).await?,
            Piece::End => break,
            Piece::Poured(n) => {
                rest = rest.checked_sub(n as u64).ok_or_else(|| wrong("longer than it said"))?;
                if let Some(pipe) = &mut pipe {
                    unless_over(body.as_mut(), ways, sink.pour(pipe)).await?;
                }
            }
            Piece::Frame(frame) => match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => {
                    let n = data.len() as u64;
                    rest = rest.checked_sub(n).ok_or_else(|| wrong("longer than it said"))?;
                    unless_over(body.as_mut(), ways, write_data(sink, data, length)).await?;
                }
                Err(frame) => {
                    if let (Length::Chunked, Ok(trailers)) = (length, frame.into_trailers()) {
                        write_trailers(sink.gathered(), &trailers);
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

/// Sends, unless the body is over before the client takes it.
async fn unless_over<B>(
    mut body: Pin<&mut B>,
    ways: &Ways<B>,
    sending: impl Future<Output = io::Result<()>>,
) -> io::Result<()> {
    let mut sending = pin!(sending);
    std::future::poll_fn(|cx| match sending.as_mut().poll(cx) {
        Poll::Pending => {
            let over = (ways.over)(body.as_mut(), cx);
            over.map(|()| Err(io::ErrorKind::ConnectionAborted.into()))
        }
        sent => sent,
    })
    .await
}

/// Appends the last chunk with the trailers. A field that may not trail is left out: a proxy that
/// merges trailers into the head would take it for ours.
fn write_trailers(out: &mut Vec<u8>, trailers: &HeaderMap) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.iter().filter(|(name, _)| may_trail(name.as_str())) {
        line(out, name.as_str(), value.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

async fn write_data<T: Transport>(
    sink: &mut Sink<'_, T>,
    data: Bytes,
    length: Length,
) -> io::Result<()> {
    if length != Length::Chunked {
        return sink.put(data).await;
    }
    write_chunk_size(sink.gathered(), data.len());
    sink.put(data).await?;
    sink.gathered().extend_from_slice(b"\r\n");
    Ok(())
}

fn poll_piece<B>(
    mut body: Pin<&mut B>,
    cx: &mut Context<'_>,
    gathered: bool,
    through: Option<(&mut Pipe, Pour<B>)>,
) -> Poll<io::Result<Piece>>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>>,
{
    if let Some((pipe, pour)) = through {
        match pour(body.as_mut(), cx, pipe) {
            Poll::Ready(Some(poured)) => {
                return Poll::Ready(poured.map(Piece::Poured).map_err(io::Error::other));
            }
            Poll::Ready(None) => {}
            Poll::Pending if gathered => return Poll::Ready(Ok(Piece::Nothing)),
            Poll::Pending => return Poll::Pending,
        }
    }
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
