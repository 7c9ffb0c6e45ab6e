//! A guest's answer, as a response: whole when the guest has ended, streamed while it runs.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Response, header};
use http_body::{Body as _, Frame};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::respond::Answer;
use super::running::Running;
use crate::body::{Body, BoxError};
use crate::failure::Failure;
use crate::hop_by_hop;

/// Makes the response of an answer. `running` is the guest if it has not ended.
pub(super) fn reply(answer: Option<Answer>, running: Option<Running>) -> Response<Body> {
    let Some(Ok(response)) = answer else { return Failure::Failed.response() };
    let (mut parts, body) = response.into_parts();
    // 1xx are not answers, and 101 would hand over the connection.
    if parts.status.is_informational() {
        return Failure::Failed.response();
    }
    hop_by_hop::strip(&mut parts.headers);
    let body = match running {
        Some(_) => GuestBody::new(&parts.headers, body, running).into(),
        None => ended(&parts.headers, body),
    };
    Response::from_parts(parts, body)
}

/// The body of a guest that has ended: in one piece if it is one, so that its length is known.
fn ended(headers: &HeaderMap, body: HyperOutgoingBody) -> Body {
    let mut guest = GuestBody::new(headers, body, None);
    // Nothing is left to wait for, so that nothing needs waking.
    let mut cx = Context::from_waker(Waker::noop());
    let mut next = || guest.poll_frame(&mut cx);
    let frames = match next() {
        Poll::Ready(None) => return Body::empty(),
        Poll::Ready(Some(Ok(first))) => match next() {
            Poll::Ready(None) => match first.into_data() {
                Ok(bytes) => return bytes.into(),
                Err(frame) => VecDeque::from([Ok(frame)]),
            },
            Poll::Ready(Some(second)) => VecDeque::from([Ok(first), second]),
            Poll::Pending => VecDeque::from([Ok(first)]),
        },
        Poll::Ready(Some(Err(error))) => VecDeque::from([Err(error)]),
        Poll::Pending => VecDeque::new(),
    };
    guest.held = frames;
    guest.into()
}

/// The body of a guest that may still be running: polling it runs the guest.
pub(crate) struct GuestBody {
    running: Option<Running>,
    failure: Option<Failure>,
    inner: HyperOutgoingBody,
    /// Frames taken from `inner` already.
    held: VecDeque<Result<Frame<Bytes>, BoxError>>,
    /// The bytes to come, if the guest has named a content length.
    left: Option<u64>,
    ended: bool,
}

impl GuestBody {
    fn new(headers: &HeaderMap, inner: HyperOutgoingBody, running: Option<Running>) -> Self {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let left = length.and_then(|length| length.parse().ok());
        Self { running, failure: None, inner, held: VecDeque::new(), left, ended: false }
    }

    pub(crate) fn left(&self) -> Option<u64> {
        self.left
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended && self.held.is_empty()
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(running) = &mut self.running
            && let Poll::Ready(result) = Pin::new(&mut *running).poll(cx)
        {
            match result {
                Ok(instance) => running.pack().keep(instance),
                Err(failure) => self.failure = Some(failure),
            }
            self.running = None;
        }
        if let Some(frame) = self.held.pop_front() {
            return Poll::Ready(Some(frame));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                self.count(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => self.end(Some(error.into())),
            Poll::Ready(None) => self.end(None),
        }
    }

    /// The end of the guest's body. A guest that failed has not ended its body, whatever it looks
    /// like from here.
    fn end(&mut self, error: Option<BoxError>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.ended = true;
        let failure = self.failure.take().map(BoxError::from);
        Poll::Ready(failure.or(error).map(Err))
    }

    fn count(&mut self, frame: &Frame<Bytes>) {
        if let (Some(left), Some(data)) = (&mut self.left, frame.data_ref()) {
            *left = left.saturating_sub(data.len() as u64);
        }
    }
}

impl Drop for GuestBody {
    /// A guest whose answer is complete may go on, within its time limit; one whose client has
    /// gone is stopped.
    fn drop(&mut self) {
        let is_complete = self.ended || self.left == Some(0);
        if let Some(running) = self.running.take_if(|_| is_complete)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(running.finish());
        }
    }
}
