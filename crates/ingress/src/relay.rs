//! The short way of a request that is passed on as it stands: no header map is made of it, and its
//! answer comes as bytes where all of it is at hand at once.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::pin;

use http::{Method, Response, StatusCode, Version};

use crate::codec::{Framing, Reject, RequestHead, write_answer};
use crate::date;
use crate::exchange::{Ended, Line, beside, end, guarded, refuse, usable};
use crate::half_close::{HalfClose, Sends};
use crate::pump::{Pump, Rest};
use crate::reply::{Ways, write};
use crate::service::{BoxError, Service};
use crate::settings::Settings;
use crate::sink::Sink;
use crate::transport::Transport;

/// A request that is on the short way, and needs nothing of its head any more.
pub trait Relay: Send + 'static {
    /// The body of an answer that is not at hand at once.
    type Body: http_body::Body<Data = bytes::Bytes, Error: Into<BoxError>> + Send + 'static;

    /// Answers it, into `out` or as a response. Nothing may be added to `out` before the answer is
    /// known. The future is dropped when the client goes away.
    fn answer(
        self: Box<Self>,
        out: &mut Vec<u8>,
    ) -> impl Future<Output = Relayed<Self::Body>> + Send;
}

/// The answer to a request that was relayed.
#[derive(Debug)]
pub enum Relayed<B> {
    /// All of it is written.
    Written(Written),
    /// It is not: to be answered with this. Boxed, because few answers are.
    Response(Box<Response<B>>),
}

/// Room for the head of most answers, in bytes.
const HEAD: usize = 512;

/// A whole answer in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Where the empty line begins that ends the head.
    head_end: usize,
}

impl Written {
    /// Appends an answer. `lines` appends its header lines, among which are none that concern a
    /// connection or the framing, and says whether there is a date among them. Not for a status that
    /// never has a body.
    pub fn answer(
        out: &mut Vec<u8>,
        status: StatusCode,
        lines: impl FnOnce(&mut Vec<u8>) -> bool,
        body: &[u8],
    ) -> Self {
        out.reserve(HEAD + body.len());
        let head_end = write_answer(out, status, lines, body.len(), date::now);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
        Self { head_end }
    }

    /// Says that no other request may follow.
    fn close(self, out: &mut Vec<u8>) {
        out.splice(self.head_end..self.head_end, *b"connection: close\r\n");
    }
}

/// For a service that relays nothing.
#[derive(Debug)]
pub struct NoRelay<B>(Infallible, PhantomData<fn() -> B>);

impl<B> Relay for NoRelay<B>
where
    B: http_body::Body<Data = bytes::Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;

    async fn answer(self: Box<Self>, _: &mut Vec<u8>) -> Relayed<B> {
        match self.0 {}
    }
}

/// The length of the body, where the short way is open to a request: all of it is at hand, and
/// nothing is asked for but an answer.
pub(crate) fn whole(head: &RequestHead<'_>, behind: &[u8], settings: &Settings) -> Option<usize> {
    let length = match head.framing {
        Framing::None => 0,
        Framing::Length(length) => usize::try_from(length).ok()?,
        Framing::Chunked => return None,
    };
    let is_whole = length <= behind.len() && length as u64 <= settings.max_body_bytes;
    let is_plain = head.version == Version::HTTP_11
        && head.keep_alive
        && !head.offers_websocket
        && head.target.path.starts_with('/')
        && head.method != "HEAD";
    (is_whole && is_plain).then_some(length)
}

/// Answers one request.
pub(crate) async fn run<S: Service, T: Transport>(
    relay: Box<S::Relay>,
    line: Line<'_, T>,
) -> Ended {
    let sends = Sends::default();
    let (reader, writer) = line.stream.halves();
    let mut sink = Sink::<T>::new(writer, line.buffer, line.settings.write_timeout, &sends);
    let mut pump = Pump {
        reader,
        ahead: line.ahead,
        rest: Rest::Done,
        channel: None,
        owes_continue: false,
        refused: None,
        timer: line.timer,
        settings: line.settings,
        waiting: false,
        half_close: HalfClose::new(&sends),
    };
    // Pinned where it is made, because moving a future copies all that it may ever hold.
    let answered = {
        let mut answer = pin!(relay.answer(sink.gathered()));
        beside(&mut pump, |cx| guarded(|| answer.as_mut().poll(cx))).await
    };
    let may_stay = !line.drain.is_draining() && pump.may_stay();
    let written = match answered {
        Err(_) => return Ended::Cut,
        Ok(Some(Relayed::Written(written))) => {
            if !may_stay {
                written.close(sink.gathered());
            }
            let mut flush = pin!(sink.flush());
            let flushed = beside(&mut pump, |cx| flush.as_mut().poll(cx)).await;
            flushed.map(|flushed| flushed.map(|()| may_stay))
        }
        Ok(None) => return Box::pin(refuse(&mut sink, Reject::ServiceFailed, &Method::GET)).await,
        Ok(Some(Relayed::Response(response))) => {
            let response = match usable(Some(*response), None, None) {
                Ok(response) => response,
                Err(reject) => return Box::pin(refuse(&mut sink, reject, &Method::GET)).await,
            };
            // Boxed as all that few requests need, so that the usual way is short to set up.
            let ways = Ways::of::<S>();
            let version = Version::HTTP_11;
            let mut write =
                Box::pin(write(&mut sink, response, &Method::GET, version, may_stay, ways));
            beside(&mut pump, |cx| write.as_mut().poll(cx)).await
        }
    };
    end(written, pump, sink).await
}
