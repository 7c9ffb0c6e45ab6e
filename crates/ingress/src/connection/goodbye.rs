//! How a connection ends that is not to go on: the last answer arrives, and the client is read away.

use std::task::Poll;

use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use crate::read::poll_read;
use crate::settings::Settings;
use crate::timer::Timer;
use crate::transport::Transport;

/// How much a client may still send after it was refused, before it is cut, in bytes: cutting at
/// once would make its system throw the answer away.
const LINGER: usize = 256 * 1024;

/// Sends the answer to what is not a request. A client that does not read the answers before it
/// may leave no room even for this one.
pub(super) async fn refuse(
    stream: &mut impl Transport,
    answer: &[u8],
    timer: &mut Timer,
    settings: &Settings,
) {
    let written = timeout(settings.write_timeout, async {
        stream.write_all(answer).await?;
        stream.shutdown().await
    });
    if matches!(written.await, Ok(Ok(()))) {
        linger(stream, timer, settings).await;
    }
}

/// Says that nothing more comes, where an end without a word could have been made by anybody.
pub(super) async fn end(stream: &mut impl Transport, settings: &Settings) {
    let _ = timeout(settings.drain_idle, stream.shutdown()).await;
}

/// Reads away what a client still sends until it hangs up too.
pub(super) async fn linger(stream: &mut impl Transport, timer: &mut Timer, settings: &Settings) {
    timer.set(settings.drain_idle);
    let mut budget = LINGER;
    std::future::poll_fn(|cx| {
        loop {
            match poll_read(stream, cx, <[u8]>::len) {
                Poll::Ready(Ok(n)) if n > 0 && n <= budget => budget -= n,
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return timer.poll(cx),
            }
        }
    })
    .await;
}
