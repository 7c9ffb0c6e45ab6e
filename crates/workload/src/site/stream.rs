//! The body of a file too large to keep in memory.
//!
//! Read inline, because the archive is a local file: each turn reads and decompresses at most
//! 64 KiB, which takes tens of microseconds, less than handing it to another thread and back.

use std::io::{self, Read};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;

use crate::body::BoxError;

/// What one turn reads at most, in bytes.
const CHUNK: usize = 64 << 10;

/// A part of a file, in order.
pub(crate) struct FileBody {
    reader: Box<dyn Read + Send>,
    /// Bytes before the part, still to be read over: archives are compressed and cannot seek.
    skip: u64,
    left: u64,
}

impl FileBody {
    /// The bytes from `skip` on, `left` of them.
    pub(super) fn new(reader: Box<dyn Read + Send>, skip: u64, left: u64) -> Self {
        Self { reader, skip, left }
    }

    pub(crate) const fn left(&self) -> u64 {
        self.left
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let is_skipping = self.skip > 0;
        let wanted = if is_skipping { self.skip } else { self.left };
        let read = self.read(wanted.min(CHUNK as u64) as usize);
        match read {
            Ok(chunk) if is_skipping => {
                self.skip -= chunk.len() as u64;
                // Others get a turn before the next chunk.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Ok(chunk) => {
                self.left -= chunk.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
            }
            Err(error) => {
                self.left = 0;
                Poll::Ready(Some(Err(error.into())))
            }
        }
    }

    fn read(&mut self, size: usize) -> io::Result<Vec<u8>> {
        let mut chunk = vec![0; size];
        self.reader.read_exact(&mut chunk)?;
        Ok(chunk)
    }
}
