//! Reading into the buffer of the thread: a connection owns bytes only while a read is partial.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// The size of the read buffer of each thread, in bytes.
const BUFFER: usize = 64 * 1024;

thread_local! {
    static SHARED: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER]);
}

/// Reads once and shows what came to `take`, which must copy what it wants to keep. No bytes mean
/// the end of the stream.
///
/// # Errors
/// What the stream says.
pub fn poll_read<R: AsyncRead + Unpin, T>(
    reader: &mut R,
    cx: &mut Context<'_>,
    take: impl FnOnce(&[u8]) -> T,
) -> Poll<io::Result<T>> {
    poll_read_up_to(BUFFER, reader, cx, take)
}

/// The same, with a limit of its own in bytes, above zero.
///
/// # Errors
/// What the stream says.
pub fn poll_read_up_to<R: AsyncRead + Unpin, T>(
    limit: usize,
    reader: &mut R,
    cx: &mut Context<'_>,
    take: impl FnOnce(&[u8]) -> T,
) -> Poll<io::Result<T>> {
    SHARED.with_borrow_mut(|shared| {
        let mut buffer = ReadBuf::new(&mut shared[..limit.min(BUFFER)]);
        ready!(Pin::new(reader).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(take(buffer.filled())))
    })
}
