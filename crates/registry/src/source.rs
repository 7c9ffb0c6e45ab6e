//! What is sent: the bytes of a file or of memory, from anywhere on.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

/// Bytes read at once, and how many such pieces wait for the network.
const PIECE: u64 = 256 << 10;
const WAITING: usize = 4;

#[derive(Clone)]
pub(crate) enum Source {
    File(Arc<File>),
    Memory(Bytes),
}

impl Source {
    /// `length` bytes from `offset` on, as they are asked for. A file is read on a thread of its
    /// own, which ends when nobody asks any more.
    pub(crate) fn pieces(&self, offset: u64, length: u64) -> mpsc::Receiver<io::Result<Bytes>> {
        let (send, receive) = mpsc::channel(WAITING);
        let source = self.clone();
        tokio::task::spawn_blocking(move || {
            let mut at = offset;
            while at < offset + length {
                let piece = source.piece(at, PIECE.min(offset + length - at));
                at += piece.as_ref().map_or(0, |piece| piece.len() as u64);
                let failed = piece.is_err();
                if send.blocking_send(piece).is_err() || failed {
                    return;
                }
            }
        });
        receive
    }

    fn piece(&self, at: u64, length: u64) -> io::Result<Bytes> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        match self {
            Self::Memory(bytes) => {
                let at = usize::try_from(at).map_err(io::Error::other)?;
                let end = at.checked_add(length).filter(|end| *end <= bytes.len());
                let end = end.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
                Ok(bytes.slice(at..end))
            }
            Self::File(file) => {
                let mut buffer = vec![0; length];
                host_fs::read_exact_at(file, &mut buffer, at)?;
                Ok(buffer.into())
            }
        }
    }
}
