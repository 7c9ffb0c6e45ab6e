//! What carries the bytes of a connection: a socket as it is, or TLS over it. Everything above is
//! generic over it, so that plaintext pays nothing for TLS.

use std::task::Context;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

/// A connection of bytes, of which both directions can be used at once.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The receiving side.
    type Reader<'a>: Reader;
    /// The sending side.
    type Writer<'a>: AsyncWrite + Unpin + Send;

    /// Whether what was written may still have to be flushed.
    const BUFFERS: bool;

    /// The socket below, where what is written to it is what the other side reads.
    fn socket<'w>(writer: &'w Self::Writer<'_>) -> Option<&'w TcpStream> {
        let _ = writer;
        None
    }

    /// Both sides, for one task.
    fn halves(&mut self) -> (Self::Reader<'_>, Self::Writer<'_>);
}

/// The receiving side of a [`Transport`].
pub(crate) trait Reader: AsyncRead + Unpin + Send {
    /// Sends a few bytes between two answers. False when they cannot go out at once.
    fn say(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> bool;
}

impl Transport for TcpStream {
    type Reader<'a> = ReadHalf<'a>;
    type Writer<'a> = WriteHalf<'a>;

    const BUFFERS: bool = false;

    fn socket<'w>(writer: &'w WriteHalf<'_>) -> Option<&'w TcpStream> {
        Some(writer.as_ref())
    }

    fn halves(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        self.split()
    }
}

impl Reader for ReadHalf<'_> {
    fn say(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> bool {
        self.as_ref().try_write(bytes).is_ok_and(|sent| sent == bytes.len())
    }
}
