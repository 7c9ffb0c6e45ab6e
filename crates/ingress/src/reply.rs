//! Writing an answer as its body gives it.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, Version};
use http_body::Frame;

use crate::codec::{Length, ResponseHead, may_trail, write_chunk_size};
use crate::date;
use crate::service::BoxError;
use crate::sink::Sink;

/// Writes an answer. True when another request may follow it.
pub(crate) async fn write<B>(
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

/// Appends the last chunk with the trailers. A field that may not trail is left out: a proxy that
/// merges trailers into the head would take it for ours.
fn write_trailers(out: &mut Vec<u8>, trailers: &HeaderMap) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.iter().filter(|(name, _)| may_trail(name.as_str())) {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
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
