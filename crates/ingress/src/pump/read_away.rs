//! What becomes of a body that the service did not read to its end.

use std::task::{Context, Poll};

use bytes::Bytes;

use super::Pump;
use crate::body::BodyError;
use crate::read::poll_read;
use crate::transport::Reader;

/// How much of an unread body is read away to keep the connection, in bytes.
const READ_AWAY: usize = 256 * 1024;

impl<R: Reader> Pump<'_, R> {
    /// Reads an unread body away, if that is cheap. True when the connection can be used again.
    pub(crate) async fn read_away(&mut self) -> bool {
        self.fail(BodyError::Gone);
        self.channel = None;
        if self.refused.is_some() || (self.owes_continue && !self.is_done()) {
            return false;
        }
        let mut budget = READ_AWAY;
        self.timer.set(self.settings.drain_idle);
        while !self.is_done() {
            let came = std::future::poll_fn(|cx| self.poll_bytes(cx)).await;
            match came {
                Some(bytes) if bytes.len() <= budget => {
                    budget -= bytes.len();
                    self.take(&bytes);
                }
                _ => return false,
            }
            if self.refused.is_some() {
                return false;
            }
        }
        true
    }

    /// The next bytes; none at the end of the stream or of the patience.
    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if !self.ahead.is_empty() {
            return Poll::Ready(Some(std::mem::take(&mut self.ahead).into()));
        }
        match poll_read(&mut self.reader, cx, Bytes::copy_from_slice) {
            Poll::Ready(Ok(bytes)) if !bytes.is_empty() => Poll::Ready(Some(bytes)),
            Poll::Ready(_) => Poll::Ready(None),
            Poll::Pending => self.timer.poll(cx).map(|()| None),
        }
    }
}
