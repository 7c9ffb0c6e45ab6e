//! The streams that lead to servers, as one type.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use ingress::Pipe;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio_rustls::client::TlsStream;

use crate::tls::is_h2;

/// A stream to a server.
#[derive(Debug)]
pub enum Socket {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    #[cfg(unix)]
    Unix(UnixStream),
    /// TLS over one of these. Boxed, because it is large and moves.
    Tls(Box<TlsStream<Socket>>),
}

macro_rules! each {
    ($socket:expr, $stream:ident => $what:expr) => {
        match $socket {
            Socket::Tcp($stream) => $what,
            #[cfg(unix)]
            Socket::Unix($stream) => $what,
            Socket::Tls($stream) => $what,
        }
    };
}

impl Socket {
    /// Whether it has nothing to say, as far as the event queue knows: no system call. A server
    /// that says something between two answers closes, or is mad.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let event = match self {
            Self::Tcp(stream) => stream.poll_read_ready(&mut cx),
            #[cfg(unix)]
            Self::Unix(stream) => stream.poll_read_ready(&mut cx),
            Self::Tls(_) => return self.is_open(),
        };
        event.is_pending() || self.is_open()
    }

    /// The same, asking the kernel.
    pub(crate) fn is_open(&mut self) -> bool {
        let mut byte = [0];
        let read = match self {
            Self::Tcp(stream) => stream.try_read(&mut byte),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_read(&mut byte),
            // What belongs to the session, as its tickets do, is taken and is nothing said.
            Self::Tls(stream) => {
                let mut cx = Context::from_waker(Waker::noop());
                let read = Pin::new(stream).poll_read(&mut cx, &mut ReadBuf::new(&mut byte));
                return read.is_pending();
            }
        };
        read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Takes what has come into a pipe that is open and empty; none where that is not the bytes that
    /// were said.
    pub(crate) fn poll_fill(
        &self,
        cx: &mut Context<'_>,
        pipe: &mut Pipe,
        most: usize,
    ) -> Poll<Option<io::Result<usize>>> {
        loop {
            let filled = match self {
                Self::Tcp(stream) => ready!(stream.poll_read_ready(cx))
                    .and_then(|()| stream.try_io(Interest::READABLE, || pipe.fill(stream, most))),
                #[cfg(unix)]
                Self::Unix(stream) => ready!(stream.poll_read_ready(cx))
                    .and_then(|()| stream.try_io(Interest::READABLE, || pipe.fill(stream, most))),
                Self::Tls(_) => return Poll::Ready(None),
            };
            match filled {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                filled => return Poll::Ready(Some(filled)),
            }
        }
    }

    /// Whether both sides have agreed on HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        matches!(self, Self::Tls(stream) if is_h2(stream.get_ref().1.alpn_protocol()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self::Tls(stream) = self.get_mut() else { return Poll::Ready(Ok(())) };
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => Pin::new(stream).poll_shutdown(cx))
    }
}
