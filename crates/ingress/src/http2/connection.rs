//! The life of one connection: requests in, a task for each, and an end that loses none of them.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::{Builder, Connection as Frames};
use h2::{Ping, PingPong, Reason};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::rewind::Rewind;
use super::stream::{Ended, Shared};
use crate::connection::{Connection, boxed};
use crate::service::Service;
use crate::settings::Settings;
use crate::timer::Timer;
use crate::transport::Transport;

/// How much of one answer waits in memory for the client, in bytes.
const SEND_BUFFER: usize = 64 * 1024;
/// In how long a client may take back as many requests as it may have open twice over, before
/// their answers begin. Who takes back more wants work done, not answers.
const TAKEN_BACK_WITHIN: Duration = Duration::from_secs(10);

/// Serves a connection until it ends. `ahead` is what came of the client's preface already.
pub(crate) async fn serve<S: Service, T: Transport>(
    connection: Connection<S>,
    stream: T,
    ahead: Vec<u8>,
) {
    let Connection { service, settings, counted, peer, shown } = connection;
    let stream = Rewind::new(ahead.into(), stream);
    let handshake = builder(&settings).handshake(stream);
    let Ok(Ok(mut frames)) = timeout(settings.head_timeout, handshake).await else { return };
    let Some(pings) = frames.ping_pong() else { return };
    let mut begun = std::pin::pin!(counted.drain().begun());
    let timer = Timer::after(settings.idle_timeout);
    let shared = Arc::new(Shared { service, settings, peer, shown });
    let mut life = Life {
        frames,
        shared,
        streams: JoinSet::new(),
        pings: Pings { pings, waits: false },
        timer,
        is_ending: false,
        taken_back: TakenBack { count: 0, since: Instant::now() },
    };
    std::future::poll_fn(|cx| {
        if !life.is_ending && begun.as_mut().poll(cx).is_ready() {
            life.begin_to_end();
        }
        life.poll(cx)
    })
    .await;
}

fn builder(settings: &Settings) -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(settings.max_streams)
        .initial_window_size(settings.stream_window)
        .initial_connection_window_size(settings.connection_window)
        .max_header_list_size(u32::try_from(settings.max_head_bytes).unwrap_or(u32::MAX))
        .max_send_buffer_size(SEND_BUFFER);
    builder
}

struct Life<S, T> {
    frames: Frames<Rewind<T>, Bytes>,
    shared: Arc<Shared<S>>,
    streams: JoinSet<Ended>,
    pings: Pings,
    /// Without requests: how long it may stay so. With some: until the next ping, or its answer.
    timer: Timer,
    /// The client was told to make no more requests.
    is_ending: bool,
    taken_back: TakenBack,
}

struct Pings {
    pings: PingPong,
    /// One was sent and not answered.
    waits: bool,
}

/// How many requests were taken back since then.
struct TakenBack {
    count: u32,
    since: Instant,
}

impl<S: Service, T: Transport> Life<S, T> {
    /// Ready once the connection is over.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.frames.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    if self.streams.is_empty() {
                        self.timer.set(self.shared.settings.ping_interval);
                    }
                    // A task moves what it runs, more than once.
                    let shared = self.shared.clone();
                    self.streams.spawn(boxed(|| shared.answer(request, respond)));
                    continue;
                }
                Poll::Ready(Some(Err(error))) => {
                    let peer = self.shared.peer.address;
                    tracing::debug!(%peer, %error, "a connection of HTTP/2 broke");
                    return Poll::Ready(());
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => {}
            }
            // What ended has more to be sent, so the frames are asked again.
            if !self.poll_streams(cx) {
                break;
            }
        }
        self.poll_time(cx)
    }

    /// Takes the streams that have ended. True when there were any.
    fn poll_streams(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = false;
        while let Poll::Ready(Some(ended)) = self.streams.poll_join_next(cx) {
            any = true;
            if matches!(ended, Ok(Ended::TakenBack))
                && self.taken_back.is_too_much(&self.shared.settings)
            {
                self.frames.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            }
        }
        if any && self.streams.is_empty() {
            self.pings.waits = false;
            self.timer.set(self.rest());
        }
        any
    }

    /// How long the connection may stay without a request.
    fn rest(&self) -> Duration {
        let settings = &self.shared.settings;
        match (self.is_ending, self.frames.has_streams()) {
            (false, _) => settings.idle_timeout,
            // The client has yet to take the end of an answer.
            (true, true) => settings.write_timeout,
            (true, false) => settings.drain_idle,
        }
    }

    /// Says goodbye: what is under way goes on, and nothing new comes (RFC 9113 §6.8).
    fn begin_to_end(&mut self) {
        self.is_ending = true;
        self.frames.graceful_shutdown();
        if self.streams.is_empty() {
            self.timer.set(self.rest());
        }
    }

    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.pings.waits && self.pings.pings.poll_pong(cx).is_ready() {
            self.pings.waits = false;
            self.timer.set(self.shared.settings.ping_interval);
        }
        while self.timer.poll(cx).is_ready() {
            if self.streams.is_empty() {
                if self.is_ending {
                    return Poll::Ready(());
                }
                self.begin_to_end();
                cx.waker().wake_by_ref();
            } else if self.pings.waits {
                return Poll::Ready(());
            } else {
                self.pings.waits = self.pings.pings.send_ping(Ping::opaque()).is_ok();
                self.timer.set(self.shared.settings.ping_timeout);
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }
}

impl TakenBack {
    /// Counts one more.
    fn is_too_much(&mut self, settings: &Settings) -> bool {
        if self.since.elapsed() > TAKEN_BACK_WITHIN {
            *self = Self { count: 0, since: Instant::now() };
        }
        self.count += 1;
        self.count > settings.max_streams.saturating_mul(2)
    }
}
