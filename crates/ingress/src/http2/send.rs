//! Sending the body of an answer as the client makes room for it.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::{Reason, SendStream};
use http::HeaderMap;
use http_body::{Body, Frame};
use tokio::time::timeout;

use crate::BoxError;
use crate::codec::{Length, may_trail};
use crate::exchange::guarded;
use crate::service::Over;

/// Why a body was not sent to its end.
enum Failed {
    /// The client does not want it any more.
    Gone,
    /// It is not what it said, or broke off.
    Broken,
    /// The client takes nothing.
    Stuck,
}

/// Sends a body to its end, or breaks the stream off where a client must not take it for whole.
pub(super) async fn send_body<B>(
    stream: SendStream<Bytes>,
    body: B,
    length: Length,
    patience: Duration,
    over: Over<B>,
) where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let mut sending = Sending { stream, patience };
    match sending.all(body, length, over).await {
        Ok(()) | Err(Failed::Gone) => {}
        Err(Failed::Broken) => sending.stream.send_reset(Reason::INTERNAL_ERROR),
        Err(Failed::Stuck) => sending.stream.send_reset(Reason::CANCEL),
    }
}

struct Sending {
    stream: SendStream<Bytes>,
    /// How long the client may make no room.
    patience: Duration,
}

impl Sending {
    async fn all<B>(&mut self, body: B, length: Length, over: Over<B>) -> Result<(), Failed>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>>,
    {
        let mut body = pin!(body);
        let known = matches!(length, Length::Known(_));
        let mut rest = if let Length::Known(length) = length { length } else { u64::MAX };
        loop {
            let next = std::future::poll_fn(|cx| self.poll_next(body.as_mut(), cx)).await?;
            let Some(frame) = next else { break };
            match frame.into_data() {
                Ok(data) => {
                    rest = rest.checked_sub(data.len() as u64).ok_or(Failed::Broken)?;
                    let ends = body.is_end_stream() && (!known || rest == 0);
                    let mut data = pin!(self.data(data, ends));
                    let sent = std::future::poll_fn(|cx| match data.as_mut().poll(cx) {
                        // The client makes no room, and the body would not be asked.
                        Poll::Pending => over(body.as_mut(), cx).map(|()| Err(Failed::Broken)),
                        sent => sent,
                    });
                    sent.await?;
                    if ends {
                        return Ok(());
                    }
                }
                Err(frame) => {
                    if let (false, Ok(trailers)) = (known, frame.into_trailers()) {
                        return self.trailers(&trailers);
                    }
                }
            }
        }
        if known && rest > 0 {
            return Err(Failed::Broken);
        }
        self.stream.send_data(Bytes::new(), true).map_err(|_| Failed::Gone)
    }

    /// The next frame of the body, while the client wants it.
    fn poll_next<B>(
        &mut self,
        body: Pin<&mut B>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Frame<Bytes>>, Failed>>
    where
        B: Body<Data = Bytes, Error: Into<BoxError>>,
    {
        if self.stream.poll_reset(cx).is_ready() {
            return Poll::Ready(Err(Failed::Gone));
        }
        guarded(|| body.poll_frame(cx)).map(|frame| match frame {
            Some(Some(Ok(frame))) => Ok(Some(frame)),
            Some(None) => Ok(None),
            Some(Some(Err(_))) | None => Err(Failed::Broken),
        })
    }

    async fn data(&mut self, mut data: Bytes, ends: bool) -> Result<(), Failed> {
        while !data.is_empty() {
            self.stream.reserve_capacity(data.len());
            let mut room = self.stream.capacity();
            if room == 0 {
                let more = std::future::poll_fn(|cx| self.stream.poll_capacity(cx));
                let more = timeout(self.patience, more).await.map_err(|_| Failed::Stuck)?;
                room = more.and_then(Result::ok).ok_or(Failed::Gone)?;
            }
            let piece = data.split_to(room.min(data.len()));
            let last = ends && data.is_empty();
            self.stream.send_data(piece, last).map_err(|_| Failed::Gone)?;
        }
        Ok(())
    }

    fn trailers(&mut self, trailers: &HeaderMap) -> Result<(), Failed> {
        let mut kept = HeaderMap::with_capacity(trailers.len());
        for (name, value) in trailers {
            // What a proxy that merges trailers into the head would take for ours is left out.
            if may_trail(name.as_str()) {
                kept.append(name, value.clone());
            }
        }
        self.stream.send_trailers(kept).map_err(|_| Failed::Gone)
    }
}
