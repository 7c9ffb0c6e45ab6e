//! The life of a connection, in a task of its own: it is made, told of, driven, and ends when it was
//! not used for long enough.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection as Frames, SendRequest};
use ingress::timer::Timer;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::link::Link;
use super::links::Phase;
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::pool::Pool;
use crate::settings::Settings;
use crate::socket::Socket;
use crate::speaks::{Alpn, Speaks};
use crate::tls;

/// How much of one request waits in memory for the server, in bytes.
const SEND_BUFFER: usize = 64 * 1024;
/// The window of a connection: as large as there is, because one answer that nobody reads must not
/// hold up the others. What each of them may hold is the window of its stream.
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;
/// How much more than their bytes the small pieces of unread answers may cost in memory, counted as
/// the library does: 256 bytes less their own for each.
const SMALL_PIECES: usize = 32 * 1024 * 1024;
/// How long it is believed that a server cannot speak HTTP/2.
const BELIEVED: Duration = Duration::from_secs(60);

enum Opened {
    Http2(Box<Frames<Socket, Bytes>>, SendRequest<Bytes>),
    Http1(Connection),
}

/// Makes a connection, tells those who wait for it, and drives it to its end.
pub(super) async fn run(pool: Arc<Pool>, endpoint: Arc<Endpoint>, tell: watch::Sender<Phase>) {
    let Settings { connect_timeout, idle_timeout, .. } = pool.settings;
    let opened = timeout(connect_timeout, open(&pool, &endpoint)).await;
    let (frames, requests) = match opened {
        Ok(Ok(Opened::Http2(frames, requests))) => (frames, requests),
        Ok(Ok(Opened::Http1(connection))) => {
            pool.give(connection);
            tell.send_replace(Phase::Http1 { until: Instant::now() + BELIEVED });
            return;
        }
        Ok(Err(error)) => {
            tell.send_replace(Phase::Failed(error));
            return;
        }
        Err(_) => {
            tell.send_replace(Phase::Failed(Error::Timeout("accept a connection")));
            return;
        }
    };
    // Whose client is gone needs no connection for long.
    drop(pool);
    let link = Retired(Arc::new(Link::new(requests)));
    tell.send_replace(Phase::Open(Arc::clone(&link.0)));
    drive(frames, &link.0, idle_timeout).await;
    tracing::debug!(%endpoint, "a connection of HTTP/2 to a server ended");
}

/// Retires the connection however its task ends, be it with its runtime.
struct Retired(Arc<Link>);

impl Drop for Retired {
    fn drop(&mut self) {
        self.0.retire();
    }
}

async fn open(pool: &Pool, endpoint: &Arc<Endpoint>) -> Result<Opened, Error> {
    let mut socket = endpoint.connect().await.map_err(Error::Connect)?;
    if let Speaks::Tls(tls, _) = &pool.speaks {
        socket = tls.greet(socket, Alpn::Either).await?;
        if !socket.is_http2() {
            return Ok(Opened::Http1(Connection::over(socket, endpoint, pool)));
        }
    }
    let handshake = builder(&pool.settings).handshake(socket).await;
    let (requests, mut frames) = handshake.map_err(not_http2)?;
    // How many requests it takes at once is known with its settings, which it must send first.
    let settled = poll_fn(|cx| match Pin::new(&mut frames).poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Err(ended.map_or_else(not_http2, |()| Error::NotHttp2))),
        Poll::Pending if frames.max_concurrent_send_streams() > 0 => Poll::Ready(Ok(())),
        Poll::Pending => Poll::Pending,
    });
    settled.await?;
    Ok(Opened::Http2(Box::new(frames), requests))
}

fn builder(settings: &Settings) -> Builder {
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        // None before it has said how many.
        .initial_max_send_streams(0)
        .initial_window_size(settings.stream_window)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .data_frame_budget(SMALL_PIECES)
        .max_header_list_size(u32::try_from(settings.max_head_bytes).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND_BUFFER);
    builder
}

/// A server that wants a certificate of ours says so only now.
fn not_http2(error: h2::Error) -> Error {
    match error.into_io().map(tls::refused) {
        Some(refused @ Error::Tls(_)) => refused,
        _ => Error::NotHttp2,
    }
}

/// Moves the frames of a connection until it is over.
async fn drive(mut frames: Box<Frames<Socket, Bytes>>, link: &Link, idle_timeout: Duration) {
    let mut timer = Timer::after(idle_timeout / 2);
    poll_fn(|cx| {
        loop {
            if Pin::new(&mut frames).poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if timer.poll(cx).is_pending() {
                return Poll::Pending;
            }
            // It was told to end, and the server does not take the farewell.
            if link.is_retired() && link.is_empty() {
                return Poll::Ready(());
            }
            link.retire_if_unused();
            timer.set(idle_timeout / 2);
        }
    })
    .await;
}
