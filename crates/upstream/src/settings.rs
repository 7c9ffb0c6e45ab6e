//! What can be tuned, each with its default and what happens beyond it.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::stream::is_stream;

/// Limits and times of a [`Client`](crate::Client). All sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long connecting may take, the look-up of a name included. Default: 5 s.
    pub connect_timeout: Duration,
    /// How long the server may take nothing of the request, and not begin its answer. Default:
    /// 30 s. The time that the sender of the body takes does not count.
    pub head_timeout: Duration,
    /// How long the server may be silent within its answer, if that is no stream. Default: 60 s.
    pub silence_timeout: Duration,
    /// How long a request that asked for `100 Continue` waits for it before it sends its body all
    /// the same (RFC 9110 §10.1.1). Default: 1 s.
    pub continue_timeout: Duration,
    /// How long nothing may move in a stream: behind a `101 Switching Protocols`, in server-sent
    /// events, in a call of gRPC. Default: 10 min.
    pub stream_timeout: Duration,
    /// How long a connection may wait for its next request. Default: 30 s.
    pub idle_timeout: Duration,
    /// How many connections of HTTP/1.1 may wait in each thread. Default: 1 024.
    pub idle_connections: usize,
    /// How much of one answer over HTTP/2 may wait for whoever reads it; then the server must wait,
    /// and with it no other answer. Default: 256 kB.
    pub stream_window: u32,
    /// Status line and headers of an answer together; also the bound on its trailers.
    /// Default: 64 kB.
    pub max_head_bytes: usize,
}

impl Settings {
    /// How long the server may be silent within an answer with this head.
    pub(crate) fn patience(&self, status: StatusCode, headers: &HeaderMap) -> Duration {
        if is_stream(status, headers) { self.stream_timeout } else { self.silence_timeout }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            head_timeout: Duration::from_secs(30),
            silence_timeout: Duration::from_secs(60),
            continue_timeout: Duration::from_secs(1),
            stream_timeout: Duration::from_secs(600),
            idle_timeout: Duration::from_secs(30),
            idle_connections: 1_024,
            stream_window: 256 * 1024,
            max_head_bytes: 64 * 1024,
        }
    }
}
