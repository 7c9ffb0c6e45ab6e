//! Writing an answer: gathered into one buffer, sent when it is large enough or nothing more is
//! at hand, large pieces without copying them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::tcp::WriteHalf;
use tokio::time::timeout;

/// Pieces up to this size are copied behind what is gathered, in bytes.
const COPIED: usize = 16 * 1024;
/// What is gathered is sent from this size on, in bytes.
const FULL: usize = 64 * 1024;

/// The sending side of an exchange.
pub(crate) struct Sink<'a> {
    writer: WriteHalf<'a>,
    gathered: Vec<u8>,
    patience: Duration,
}

impl<'a> Sink<'a> {
    pub(crate) const fn new(writer: WriteHalf<'a>, gathered: Vec<u8>, patience: Duration) -> Self {
        Self { writer, gathered, patience }
    }

    /// What is gathered, to add to it.
    pub(crate) const fn gathered(&mut self) -> &mut Vec<u8> {
        &mut self.gathered
    }

    /// Adds a piece, sending if there is enough.
    pub(crate) async fn put(&mut self, piece: Bytes) -> io::Result<()> {
        if piece.len() <= COPIED {
            self.gathered.extend_from_slice(&piece);
            return if self.gathered.len() >= FULL { self.flush().await } else { Ok(()) };
        }
        let mut head = std::mem::take(&mut self.gathered);
        let sent = timeout(self.patience, send(&mut self.writer, &head, piece)).await;
        head.clear();
        self.gathered = head;
        sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Sends all that is gathered.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let sent = timeout(self.patience, self.writer.write_all(&self.gathered)).await;
        self.gathered.clear();
        sent.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Says that nothing more comes.
    pub(crate) async fn shut(&mut self) -> io::Result<()> {
        self.writer.shutdown().await
    }

    /// The buffer, to be used again.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.gathered
    }
}

/// Both in as few sends as the socket takes.
async fn send(writer: &mut WriteHalf<'_>, mut head: &[u8], mut piece: Bytes) -> io::Result<()> {
    while !head.is_empty() || !piece.is_empty() {
        let slices = [IoSlice::new(head), IoSlice::new(&piece)];
        let sent = std::future::poll_fn(|cx| -> Poll<io::Result<usize>> {
            Pin::new(&mut *writer).poll_write_vectored(cx, &slices)
        })
        .await?;
        if sent == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let of_head = sent.min(head.len());
        head = &head[of_head..];
        piece.advance(sent - of_head);
    }
    Ok(())
}
