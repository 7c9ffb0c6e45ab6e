//! What can go wrong in a workload, and the response each becomes.

use std::io::ErrorKind;

use http::{HeaderValue, Response, StatusCode, header};

use crate::body::Body;

/// Why a workload could not answer. A response made from one carries it in its extensions, so that
/// a server can tell "the workload failed" from "the workload said 502".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No pack answers at this path: 404.
    NoPack,
    /// The request cannot be given to the pack (an unreadable `Host`): 400.
    BadRequest,
    /// The component trapped, or ended without an answer; the program or upstream cannot be reached,
    /// its answer was none, broke off, or could be read in two ways: 502.
    Failed,
    /// The server is there and gave up on this request alone (HTTP/2): 502.
    GaveUp,
    /// The component trapped after it was denied memory beyond its limit: 502.
    OutOfMemory,
    /// The component, program or upstream took longer than its limit: 504.
    TooSlow,
    /// Every instance is in use: 503 with `Retry-After`.
    Busy,
    /// The program is starting, or has just ended and is started again: 503 with `Retry-After`.
    NotReady,
    /// A file of the bundle cannot be read: 500.
    Unreadable,
}

/// In words, what is behind a [`Failure`]: in the extensions of its response, for who operates it.
/// The client is not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because(pub String);

impl Failure {
    const fn row(self) -> (StatusCode, &'static str) {
        match self {
            Self::NoPack => (StatusCode::NOT_FOUND, "nothing answers at this path\n"),
            Self::BadRequest => (StatusCode::BAD_REQUEST, "this request has no readable host\n"),
            Self::Failed => (StatusCode::BAD_GATEWAY, "the workload failed\n"),
            Self::GaveUp => (StatusCode::BAD_GATEWAY, "the workload gave up on the request\n"),
            Self::OutOfMemory => (StatusCode::BAD_GATEWAY, "the workload ran out of memory\n"),
            Self::TooSlow => (StatusCode::GATEWAY_TIMEOUT, "the workload took too long\n"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "too many requests at once\n"),
            Self::NotReady => (StatusCode::SERVICE_UNAVAILABLE, "the workload is starting\n"),
            Self::Unreadable => {
                (StatusCode::INTERNAL_SERVER_ERROR, "a file of this bundle cannot be read\n")
            }
        }
    }

    /// What a server's failure is: a full queue is busy, silence too slow, all else failed, if it was
    /// not about this request alone.
    fn of(error: &upstream::Error) -> Self {
        match error {
            // The queue of a Unix socket is full.
            upstream::Error::Connect(error) if error.kind() == ErrorKind::WouldBlock => Self::Busy,
            upstream::Error::Reset(_) => Self::GaveUp,
            error if error.is_timeout() => Self::TooSlow,
            _ => Self::Failed,
        }
    }

    /// The status of the response.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.row().0
    }

    /// The response to a request that a server did not answer.
    pub(crate) fn of_server(error: &upstream::Error) -> Response<Body> {
        let mut response = Self::of(error).response();
        response.extensions_mut().insert(Because(error.to_string()));
        response
    }

    /// The whole response.
    #[must_use]
    pub fn response(self) -> Response<Body> {
        let (status, text) = self.row();
        let mut response = plain(status, text);
        if matches!(self, Self::Busy | Self::NotReady) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.row().1.trim_end())
    }
}

impl std::error::Error for Failure {}

/// A response of one line of plain text.
pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
