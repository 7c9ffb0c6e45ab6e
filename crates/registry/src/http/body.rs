//! What is sent and what arrives, piece by piece.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use deploy_spec::Fault;
use http::header::{AsHeaderName, CONTENT_LENGTH};
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::mpsc;

use super::{Origin, root, silent};
use crate::options::Limits;

/// The body of a request: all of it, or what a reader sends.
pub(crate) struct Outgoing {
    pieces: Pieces,
    left: u64,
    moved: Moved,
}

enum Pieces {
    Whole(Bytes),
    Streamed(mpsc::Receiver<std::io::Result<Bytes>>),
}

/// How much of a body has been handed on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moved(Arc<AtomicU64>);

impl Moved {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Outgoing {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        let left = bytes.len() as u64;
        Self { pieces: Pieces::Whole(bytes), left, moved: Moved::default() }
    }

    /// Exactly `length` bytes that arrive in pieces.
    pub(crate) fn streamed(
        pieces: mpsc::Receiver<std::io::Result<Bytes>>,
        length: u64,
        moved: Moved,
    ) -> Self {
        Self { pieces: Pieces::Streamed(pieces), left: length, moved }
    }

    pub(crate) fn moved(&self) -> Moved {
        self.moved.clone()
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = match &mut self.pieces {
            Pieces::Whole(bytes) => Some(Ok(std::mem::take(bytes))),
            Pieces::Streamed(pieces) => match pieces.poll_recv(context) {
                Poll::Ready(piece) => piece,
                Poll::Pending => return Poll::Pending,
            },
        };
        let length = piece.as_ref().and_then(|piece| piece.as_ref().ok()).map_or(0, Bytes::len);
        self.left = self.left.saturating_sub(length as u64);
        self.moved.0.fetch_add(length as u64, Ordering::Relaxed);
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// An answer whose body is still to be read.
pub(crate) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Incoming,
    from: Origin,
    what: String,
    limits: Limits,
}

impl Answer {
    pub(super) fn new(
        response: Response<Incoming>,
        from: Origin,
        what: String,
        limits: Limits,
    ) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, headers: head.headers, body, from, what, limits }
    }

    /// Who answered, which after a redirect is not who was asked.
    pub(crate) const fn from(&self) -> &Origin {
        &self.from
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// A header, when it is there and is text.
    pub(crate) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The length that the head promises.
    pub(crate) fn length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.parse().ok()
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// `unavailable` when it breaks off or nothing arrives.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            let frame = tokio::time::timeout(self.limits.silence, self.body.frame()).await;
            let frame = frame.map_err(|_| silent(&self.what, self.limits.silence))?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(self.broken(&root(&error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) if piece.is_empty() => {}
                    Ok(piece) => return Ok(Some(piece)),
                    Err(_trailers) => {}
                },
            }
        }
    }

    /// All of a small body.
    ///
    /// # Errors
    /// `refused` when it is longer than `most`; otherwise as [`Answer::piece`].
    pub(crate) async fn whole(mut self, most: usize) -> Result<Bytes, Fault> {
        let patience = self.limits.answer;
        match tokio::time::timeout(patience, self.gather(most)).await {
            Ok(whole) => whole,
            Err(_) => Err(self.slow(patience)),
        }
    }

    async fn gather(&mut self, most: usize) -> Result<Bytes, Fault> {
        let mut all = Vec::new();
        while let Some(piece) = self.piece().await? {
            if all.len() + piece.len() > most {
                return Err(Fault::refused(format!(
                    "{} was answered by more than {most} bytes",
                    self.what
                )));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.into())
    }

    /// Reads to the end, so that the connection can be used again, unless that is far.
    pub(crate) async fn discard(self) {
        let most = self.limits.answer_bytes;
        let _ = self.whole(most).await;
    }

    fn broken(&self, why: &str) -> Fault {
        Fault::unavailable(format!("the answer to {} broke off: {why}", self.what))
    }

    fn slow(&self, patience: Duration) -> Fault {
        Fault::unavailable(format!(
            "the answer to {} was not whole after {} s",
            self.what,
            patience.as_secs()
        ))
    }
}
