//! The body of a request, taken from its stream as the service asks for it: what it has not asked
//! for fills the window, and then the client must wait.

use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;
use http_body::Frame;

use crate::body::BodyError;
use crate::codec::{Reject, may_trail};
use crate::settings::Settings;
use crate::timer::Timer;

/// Why a body was refused, for who answers the request.
pub(super) type Verdict = OnceLock<Reject>;

/// The body of one request.
pub(crate) struct Incoming {
    stream: RecvStream,
    /// What is yet to come, when that was announced.
    announced: Option<u64>,
    /// How much more it may be.
    left: u64,
    has_data: bool,
    verdict: Arc<Verdict>,
    timeout: Duration,
    /// Runs while the service waits.
    timer: Timer,
    waiting: bool,
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").field("announced", &self.announced).finish_non_exhaustive()
    }
}

impl Incoming {
    pub(super) fn new(
        stream: RecvStream,
        announced: Option<u64>,
        verdict: Arc<Verdict>,
        settings: &Settings,
    ) -> Self {
        Self {
            stream,
            announced,
            left: settings.max_body_bytes,
            has_data: true,
            verdict,
            timeout: settings.body_timeout,
            timer: Timer::after(settings.body_timeout),
            waiting: false,
        }
    }

    pub(crate) const fn announced(&self) -> Option<u64> {
        self.announced
    }

    pub(crate) fn is_end(&self) -> bool {
        self.stream.is_end_stream()
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = if self.has_data { self.poll_data(cx) } else { self.poll_trailers(cx) };
        if polled.is_ready() {
            self.waiting = false;
            return polled;
        }
        if !std::mem::replace(&mut self.waiting, true) {
            self.timer.set(self.timeout);
        }
        match self.timer.poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(self.refuse(Reject::BodyTimeout))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            match self.stream.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) if data.is_empty() => {}
                Poll::Ready(Some(Ok(data))) => return Poll::Ready(Some(self.take(data))),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Some(Err(BodyError::Gone))),
                Poll::Ready(None) => {
                    self.has_data = false;
                    return self.poll_trailers(cx);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn take(&mut self, data: Bytes) -> Result<Frame<Bytes>, BodyError> {
        let size = data.len();
        let Some(left) = self.left.checked_sub(size as u64) else {
            return self.refuse(Reject::BodyTooLarge);
        };
        self.left = left;
        self.announced = self.announced.map(|rest| rest.saturating_sub(size as u64));
        // The service has it, so the client may send as much again.
        match self.stream.flow_control().release_capacity(size) {
            Ok(()) => Ok(Frame::data(data)),
            Err(_) => Err(BodyError::Gone),
        }
    }

    fn poll_trailers(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.stream.poll_trailers(cx).map(|trailers| match trailers {
            Ok(None) => None,
            Ok(Some(trailers)) if is_allowed(&trailers) => Some(Ok(Frame::trailers(trailers))),
            Ok(Some(_)) => Some(self.refuse(Reject::Trailer)),
            Err(_) => Some(Err(BodyError::Gone)),
        })
    }

    fn refuse<T>(&self, reject: Reject) -> Result<T, BodyError> {
        Err(BodyError::Refused(*self.verdict.get_or_init(|| reject)))
    }
}

fn is_allowed(trailers: &HeaderMap) -> bool {
    trailers.keys().all(|name| may_trail(name.as_str()))
}
