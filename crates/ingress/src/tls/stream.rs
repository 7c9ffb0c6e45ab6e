//! The handshake, and the stream behind it as a [`Transport`].

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, StartHandshake};

use super::H2;
use super::certificates::{Certificates, Set};
use super::challenges::ACME_TLS;
use crate::codec::Authority;
use crate::transport::{Reader, Transport};

/// A fatal alert in the clear: `unrecognized_name` (RFC 8446 §6, RFC 6066 §3).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// A connection over TLS.
pub(crate) struct TlsTransport {
    /// Both sides of an exchange are polled by one task, in turns, so that nobody ever waits for
    /// this lock; it is there because each of them must be able to change the session. Boxed,
    /// because it is large and moves.
    stream: Box<Mutex<TlsStream<TcpStream>>>,
}

/// The certificates there were when a connection began, and which of them was shown.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    set: Arc<Set>,
    index: usize,
}

impl Shown {
    /// Whether another certificate is for this host.
    pub(crate) fn is_misdirected(&self, host: &Authority<'_>) -> bool {
        self.set.find(host.name()) != Some(self.index)
    }
}

/// Greets a client and shows the certificate for the name it asks for. None for an authority whose
/// challenge was answered: nothing is said behind that.
///
/// # Errors
/// What the socket says, what is wrong with the client, or that no certificate is for it, which it
/// is told.
pub(crate) async fn accept(
    certificates: &Certificates,
    stream: TcpStream,
) -> io::Result<Option<(TlsTransport, Shown)>> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let said = hello.client_hello();
    let name = said.server_name().unwrap_or_default().to_ascii_lowercase();
    // An authority offers nothing else (RFC 8737 §3).
    let is_challenge = said.alpn().is_some_and(|offered| offered.eq([ACME_TLS]));
    if is_challenge {
        let Some(config) = certificates.challenges().tls(&name) else { return refuse(hello).await };
        hello.into_stream(config).await?.shutdown().await?;
        return Ok(None);
    }
    let set = certificates.current();
    let Some(index) = set.find(&name) else { return refuse(hello).await };
    let stream = hello.into_stream(set.config(index)).await?;
    Ok(Some((TlsTransport { stream: Box::new(Mutex::new(stream)) }, Shown { set, index })))
}

async fn refuse<T>(hello: StartHandshake<TcpStream>) -> io::Result<T> {
    let StartHandshake { mut io, .. } = hello;
    io.write_all(&UNRECOGNIZED_NAME).await?;
    io.shutdown().await?;
    Err(io::Error::other("there is no certificate for the name it asks for"))
}

impl TlsTransport {
    /// Whether the client and we have agreed on HTTP/2.
    pub(crate) fn is_http2(&mut self) -> bool {
        self.stream().get_ref().1.alpn_protocol() == Some(H2)
    }

    fn stream(&mut self) -> &mut TlsStream<TcpStream> {
        self.stream.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One side of a connection during an exchange.
pub(crate) struct Half<'a>(&'a Mutex<TlsStream<TcpStream>>);

impl Half<'_> {
    fn stream(&self) -> MutexGuard<'_, TlsStream<TcpStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for TlsTransport {
    type Reader<'a> = Half<'a>;
    type Writer<'a> = Half<'a>;

    const BUFFERS: bool = true;

    fn halves(&mut self) -> (Half<'_>, Half<'_>) {
        (Half(&self.stream), Half(&self.stream))
    }
}

impl Reader for Half<'_> {
    fn say(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> bool {
        let mut stream = self.stream();
        let mut stream = Pin::new(&mut *stream);
        let written = stream.as_mut().poll_write(cx, bytes);
        matches!(written, Poll::Ready(Ok(sent)) if sent == bytes.len())
            && matches!(stream.poll_flush(cx), Poll::Ready(Ok(())))
    }
}

impl AsyncRead for Half<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_read(cx, buffer)
    }
}

impl AsyncRead for TlsTransport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().stream()).poll_read(cx, buffer)
    }
}

/// Writing is the same for the whole and for a half, but for how they come to the stream.
macro_rules! writes {
    ($type:ty, $self:ident => $stream:expr) => {
        impl AsyncWrite for $type {
            fn poll_write(
                $self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new($stream).poll_write(cx, bytes)
            }

            fn poll_write_vectored(
                $self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                slices: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new($stream).poll_write_vectored(cx, slices)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush($self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new($stream).poll_flush(cx)
            }

            fn poll_shutdown($self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new($stream).poll_shutdown(cx)
            }
        }
    };
}

writes!(Half<'_>, self => &mut *self.stream());
writes!(TlsTransport, self => self.get_mut().stream());
