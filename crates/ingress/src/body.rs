//! The body of a request, as a service reads it. A piece comes when the service asks for it; what
//! the connection reads ahead, to notice that the client goes away, stays with the connection.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::codec::Reject;
use crate::http2::Incoming;
use crate::service::BoxError;

/// The body of a request.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    Empty,
    Whole(Option<Bytes>),
    Channel(Arc<Channel>, Option<u64>),
    Http2(Box<Incoming>),
}

/// Where a connection puts the pieces of a body and a service takes them.
#[derive(Debug, Default)]
pub(crate) struct Channel(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Frame<Bytes>>,
    ended: bool,
    failed: Option<BodyError>,
    wanted: bool,
    reader: Option<Waker>,
    connection: Option<Waker>,
}

/// Why a body broke off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It breaks a rule, or took too long.
    Refused(Reject),
    /// The client went away, or the answer was over before it was read.
    Gone,
}

impl std::fmt::Display for BodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(reject) => reject.fmt(f),
            Self::Gone => f.write_str("the client went away before the end of the body"),
        }
    }
}

impl std::error::Error for BodyError {}

impl Channel {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the service waits for bytes; if not, `connection` is woken once it does.
    pub(crate) fn poll_wanted(&self, cx: &Context<'_>) -> bool {
        let mut state = self.state();
        let wanted = state.wanted && state.frames.is_empty();
        if !wanted {
            state.connection = Some(cx.waker().clone());
        }
        wanted
    }

    pub(crate) fn push(&self, frame: Frame<Bytes>) {
        self.tell(|state| {
            state.frames.push_back(frame);
            // One piece was asked for; the next is when the service asks again.
            state.wanted = false;
        });
    }

    pub(crate) fn end(&self) {
        self.tell(|state| state.ended = true);
    }

    pub(crate) fn fail(&self, error: BodyError) {
        self.tell(|state| {
            if !state.ended {
                state.failed = Some(error);
            }
        });
    }

    fn tell(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        if let Some(reader) = state.reader.take() {
            drop(state);
            reader.wake();
        }
    }
}

impl Body {
    /// No body.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Kind::Empty)
    }

    /// A body that has arrived already.
    #[must_use]
    pub const fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(Some(bytes)))
    }

    pub(crate) const fn channel(channel: Arc<Channel>, length: Option<u64>) -> Self {
        Self(Kind::Channel(channel, length))
    }

    pub(crate) fn http2(incoming: Incoming) -> Self {
        Self(Kind::Http2(Box::new(incoming)))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Http2(incoming) => incoming
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(BoxError::from))),
            Kind::Channel(channel, rest) => {
                let mut state = channel.state();
                if let Some(frame) = state.frames.pop_front() {
                    if let (Some(rest), Some(data)) = (rest, frame.data_ref()) {
                        *rest = rest.saturating_sub(data.len() as u64);
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                if let Some(error) = state.failed {
                    return Poll::Ready(Some(Err(error.into())));
                }
                if state.ended {
                    return Poll::Ready(None);
                }
                state.wanted = true;
                state.reader = Some(cx.waker().clone());
                if let Some(connection) = state.connection.take() {
                    drop(state);
                    connection.wake();
                }
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty | Kind::Whole(None) => true,
            Kind::Whole(Some(bytes)) => bytes.is_empty(),
            Kind::Http2(incoming) => incoming.is_end(),
            Kind::Channel(channel, _) => {
                let state = channel.state();
                state.ended && state.frames.is_empty()
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty | Kind::Whole(None) => SizeHint::with_exact(0),
            Kind::Whole(Some(bytes)) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Channel(_, Some(rest)) => SizeHint::with_exact(*rest),
            Kind::Channel(_, None) => SizeHint::default(),
            Kind::Http2(incoming) => {
                incoming.announced().map_or_else(SizeHint::default, SizeHint::with_exact)
            }
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Kind::Channel(channel, _) = &self.0 {
            let mut state = channel.state();
            // Who asked and then went away waits for nothing, and must not run into a timeout.
            state.wanted = false;
            state.frames.clear();
            if let Some(connection) = state.connection.take() {
                drop(state);
                connection.wake();
            }
        }
    }
}
