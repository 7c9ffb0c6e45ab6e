//! Writing an answer: gathered into one buffer, sent when it is large enough or nothing more is
//! at hand, large pieces without copying them.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncWrite, AsyncWriteExt as _, Interest};
use tokio::time::timeout;

use crate::half_close::Sends;
use crate::pipe::Pipe;
use crate::transport::Transport;

/// Pieces up to this size are copied behind what is gathered, in bytes.
const COPIED: usize = 16 * 1024;
/// What is gathered is sent from this size on, in bytes.
const FULL: usize = 64 * 1024;

/// The sending side of an exchange.
pub(crate) struct Sink<'a, T: Transport> {
    writer: T::Writer<'a>,
    gathered: Vec<u8>,
    patience: Duration,
    sends: &'a Sends,
}

impl<'a, T: Transport> Sink<'a, T> {
    /// Gives up once the client has taken nothing for `patience`.
    pub(crate) const fn new(
        writer: T::Writer<'a>,
        gathered: Vec<u8>,
        patience: Duration,
        sends: &'a Sends,
    ) -> Self {
        Self { writer, gathered, patience, sends }
    }

    /// What is gathered, to add to it.
    pub(crate) const fn gathered(&mut self) -> &mut Vec<u8> {
        &mut self.gathered
    }

    /// Adds a piece, sending if there is enough.
    pub(crate) async fn put(&mut self, piece: Bytes) -> io::Result<()> {
        if piece.len() > COPIED {
            return self.send(piece).await;
        }
        self.gathered.extend_from_slice(&piece);
        if self.gathered.len() >= FULL { self.flush().await } else { Ok(()) }
    }

    /// Sends all that is gathered.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.send(Bytes::new()).await
    }

    /// Whether a body can go through a pipe.
    pub(crate) fn takes_pipes(&self) -> bool {
        T::socket(&self.writer).is_some()
    }

    /// Sends all that is gathered, and all that is in `pipe`.
    pub(crate) async fn pour(&mut self, pipe: &mut Pipe) -> io::Result<()> {
        self.flush().await?;
        let socket = T::socket(&self.writer).ok_or(io::ErrorKind::Unsupported)?;
        self.sends.step();
        loop {
            let mut one = |cx: &mut Context<'_>| -> Poll<io::Result<usize>> {
                loop {
                    ready!(socket.poll_write_ready(cx))?;
                    match socket.try_io(Interest::WRITABLE, || pipe.pour(socket)) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        poured => return Poll::Ready(poured),
                    }
                }
            };
            let left = match poll_fn(|cx| Poll::Ready(one(cx))).await {
                Poll::Ready(left) => left?,
                Poll::Pending => Box::pin(timeout(self.patience, poll_fn(one))).await??,
            };
            if left == 0 {
                break;
            }
        }
        self.sends.step();
        Ok(())
    }

    /// Says that nothing more comes.
    pub(crate) async fn shut(&mut self) -> io::Result<()> {
        timeout(self.patience, self.writer.shutdown()).await?
    }

    /// The buffer, to be used again.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        self.gathered
    }

    /// Sends what is gathered and `piece`, in as few sends as the socket takes.
    async fn send(&mut self, mut piece: Bytes) -> io::Result<()> {
        let mut at = 0;
        self.sends.step();
        while at < self.gathered.len() || !piece.is_empty() {
            let head = &self.gathered[at..];
            let slices = [IoSlice::new(head), IoSlice::new(&piece)];
            let writer = &mut self.writer;
            let mut one = |cx: &mut Context<'_>| -> Poll<io::Result<usize>> {
                let writer = Pin::new(&mut *writer);
                // `send` costs less than `writev` where one will do.
                match piece.is_empty() {
                    true => writer.poll_write(cx, head),
                    false => writer.poll_write_vectored(cx, &slices),
                }
            };
            let sent = match poll_fn(|cx| Poll::Ready(one(cx))).await {
                Poll::Ready(sent) => sent?,
                // For each send anew: a large piece may take long, if only it keeps moving. Boxed,
                // because most need no such wait.
                Poll::Pending => Box::pin(timeout(self.patience, poll_fn(one))).await??,
            };
            if sent == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            let of_head = sent.min(head.len());
            at += of_head;
            piece.advance(sent - of_head);
        }
        if T::BUFFERS {
            timeout(self.patience, self.writer.flush()).await??;
        }
        self.gathered.clear();
        self.sends.step();
        Ok(())
    }
}
