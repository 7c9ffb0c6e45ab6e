//! One request and its answer.

use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};

use crate::body::{Body, BodyError, Channel};
use crate::codec::{ChunkedDecoder, Framing, Reject, RequestHead};
use crate::drain::Drain;
use crate::half_close::{HalfClose, Sends};
use crate::pump::{Broken, Pump, Rest};
use crate::refusal;
use crate::reply::{Ways, write};
use crate::service::{Peer, Service};
use crate::settings::Settings;
use crate::sink::Sink;
use crate::timer::Timer;
use crate::transport::{Reader, Transport};
use crate::upgrade::Upgrade;

/// A request that has arrived, all but the rest of its body.
pub(crate) struct Arrived {
    pub(crate) request: Request<Body>,
    channel: Option<Arc<Channel>>,
    rest: Rest,
    keep_alive: bool,
    expects_continue: bool,
    /// What a client sends that offered another protocol, should that be accepted.
    tunnel: Option<Arc<Channel>>,
}

impl Arrived {
    /// What `head` asks, with `behind`, the bytes that came behind it, of which it says how many
    /// belong to the body already.
    pub(crate) fn new(
        head: &RequestHead<'_>,
        behind: &[u8],
        settings: &Settings,
    ) -> Result<(Self, usize), Reject> {
        let (body, channel, rest, taken) = match head.framing {
            Framing::None => (Body::empty(), None, Rest::Done, 0),
            Framing::Length(length) if length > settings.max_body_bytes => {
                return Err(Reject::BodyTooLarge);
            }
            Framing::Length(length) if length <= behind.len() as u64 => {
                let n = usize::try_from(length).unwrap_or(0);
                (Body::whole(Bytes::copy_from_slice(&behind[..n])), None, Rest::Done, n)
            }
            Framing::Length(length) => {
                let channel = Arc::<Channel>::default();
                (
                    Body::channel(channel.clone(), Some(length)),
                    Some(channel),
                    Rest::Length(length),
                    0,
                )
            }
            Framing::Chunked => {
                let channel = Arc::<Channel>::default();
                let decoder = ChunkedDecoder::new(settings.max_body_bytes, settings.max_head_bytes);
                let rest = Rest::Chunked(Box::new(decoder));
                (Body::channel(channel.clone(), None), Some(channel), rest, 0)
            }
        };
        let mut request = head.to_request(body)?;
        let tunnel = head.offers_websocket.then(Arc::<Channel>::default);
        if let Some(tunnel) = &tunnel {
            request.extensions_mut().insert(Upgrade(Arc::clone(tunnel)));
        }
        let arrived = Self {
            request,
            channel,
            rest,
            keep_alive: head.keep_alive,
            expects_continue: head.expects_continue,
            tunnel,
        };
        Ok((arrived, taken))
    }
}

/// What an exchange needs of its connection.
pub(crate) struct Line<'a, T> {
    pub(crate) stream: &'a mut T,
    pub(crate) ahead: Vec<u8>,
    pub(crate) timer: &'a mut Timer,
    pub(crate) settings: &'a Settings,
    pub(crate) drain: &'a Drain,
    pub(crate) buffer: Vec<u8>,
}

/// How an exchange ended.
pub(crate) enum Ended {
    /// Another request may follow; these bytes of it have come, and the buffer can be used again.
    Open(Vec<u8>, Vec<u8>),
    /// Say goodbye properly.
    Close,
    /// Nobody listens any more.
    Cut,
}

/// Answers one request.
pub(crate) async fn run<S: Service, T: Transport>(
    service: &S,
    peer: &Peer,
    arrived: Arrived,
    line: Line<'_, T>,
) -> Ended {
    let method = arrived.request.method().clone();
    let version = arrived.request.version();
    let sends = Sends::default();
    let (reader, writer) = line.stream.halves();
    let mut sink = Sink::<T>::new(writer, line.buffer, line.settings.write_timeout, &sends);
    let mut pump = Pump {
        reader,
        ahead: line.ahead,
        rest: arrived.rest,
        channel: arrived.channel,
        owes_continue: arrived.expects_continue,
        refused: None,
        timer: line.timer,
        settings: line.settings,
        waiting: false,
        half_close: HalfClose::new(&sends),
    };
    // Pinned where it is made, because moving a future copies all that it may ever hold.
    let called = {
        let mut call = pin!(async { service.call(arrived.request, peer).await });
        beside(&mut pump, |cx| guarded(|| call.as_mut().poll(cx))).await
    };
    let Ok(called) = called else { return Ended::Cut };
    let mut tunnel = arrived.tunnel;
    let response = match usable(called, pump.refused, tunnel.as_ref()) {
        Ok(response) => response,
        Err(reject) => {
            pump.fail(BodyError::Gone);
            return refuse(&mut sink, reject, &method).await;
        }
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(tunnel) = tunnel.take()
    {
        pump.open_tunnel(tunnel);
    }
    pump.put_continue(sink.gathered());
    let may_stay = arrived.keep_alive && !line.drain.is_draining() && pump.may_stay();
    let written = {
        let mut write =
            pin!(write(&mut sink, response, &method, version, may_stay, Ways::of::<S>()));
        beside(&mut pump, |cx| write.as_mut().poll(cx)).await
    };
    end(written, pump, sink).await
}

/// The end of an exchange whose answer was written, or could not be: true when another request may
/// follow it.
pub(crate) async fn end<T: Transport>(
    written: Result<io::Result<bool>, Broken>,
    mut pump: Pump<'_, impl Reader>,
    mut sink: Sink<'_, T>,
) -> Ended {
    match written {
        Ok(Ok(true)) if pump.read_away().await => Ended::Open(pump.ahead, sink.into_buffer()),
        Ok(Ok(_)) => close(&mut sink).await,
        _ => Ended::Cut,
    }
}

/// What the service gave, unless the body was refused meanwhile. An interim status is no answer:
/// the client would wait for another, and take the next one for it. But 101 is, where it was
/// offered.
pub(crate) fn usable<B>(
    called: Option<Response<B>>,
    refused: Option<Reject>,
    tunnel: Option<&Arc<Channel>>,
) -> Result<Response<B>, Reject> {
    match (refused, called) {
        (Some(reject), _) => Err(reject),
        (None, Some(response))
            if tunnel.is_some() && response.status() == StatusCode::SWITCHING_PROTOCOLS =>
        {
            Ok(response)
        }
        (None, Some(response)) if !response.status().is_informational() => Ok(response),
        (None, _) => Err(Reject::ServiceFailed),
    }
}

pub(crate) async fn refuse<T: Transport>(
    sink: &mut Sink<'_, T>,
    reject: Reject,
    method: &Method,
) -> Ended {
    *sink.gathered() = refusal::answer(reject, method.as_str().as_bytes());
    if sink.flush().await.is_ok() { close(sink).await } else { Ended::Cut }
}

async fn close<T: Transport>(sink: &mut Sink<'_, T>) -> Ended {
    match sink.shut().await {
        Ok(()) => Ended::Close,
        Err(_) => Ended::Cut,
    }
}

/// Runs `main` to its end and keeps the request body flowing meanwhile.
pub(crate) async fn beside<T>(
    pump: &mut Pump<'_, impl Reader>,
    mut main: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Result<T, Broken> {
    std::future::poll_fn(|cx| {
        loop {
            if let Poll::Ready(done) = main(cx) {
                return Poll::Ready(Ok(done));
            }
            match pump.poll(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(broken)) => return Poll::Ready(Err(broken)),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}

/// What `poll` gives; none when it panicked.
pub(crate) fn guarded<T>(poll: impl FnOnce() -> Poll<T>) -> Poll<Option<T>> {
    match std::panic::catch_unwind(AssertUnwindSafe(poll)) {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    }
}
