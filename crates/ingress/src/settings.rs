//! What an operator can tune, each with its default and what happens beyond it.

use std::num::NonZero;
use std::sync::OnceLock;
use std::time::Duration;

use crate::codec::{Limits, MAX_HEADERS};

/// Limits and times of a [`Server`](crate::Server). All sizes are in bytes.
///
/// ```
/// let settings = ingress::Settings { threads: 2, ..ingress::Settings::default() };
/// assert_eq!(settings.max_headers, 100);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How many threads serve, each with its own listener and connections.
    /// Default: one for each CPU this process may use. 0 counts as 1.
    pub threads: usize,
    /// Connections open at once, over all threads. Default: 60 000.
    /// Beyond it: 503 with `Connection: close`.
    pub max_connections: usize,
    /// Connections the kernel holds until they are accepted, for each thread. Default: 4 096
    /// (the kernel lowers it to `net.core.somaxconn`).
    pub backlog: i32,
    /// Request line and headers together; also the bound on trailers. Default: 32 kB.
    /// Beyond it: 431.
    pub max_head_bytes: usize,
    /// The request target. Default: 8 kB. Beyond it: 414.
    pub max_target_bytes: usize,
    /// Header lines, at most 256. Default: 100. Beyond it: 431.
    pub max_headers: usize,
    /// The request body. Default: 1 GiB. Beyond it: 413; a known length is refused before the
    /// service runs, a chunked one when a chunk announces too much.
    pub max_body_bytes: u64,
    /// From accepting a connection to the end of what precedes its requests: the header of the PROXY
    /// protocol, the handshake of TLS. Default: 10 s. Beyond it: closed without a word.
    pub handshake_timeout: Duration,
    /// How long a connection may be silent between two requests. Default: 75 s.
    /// Beyond it: closed without a word.
    pub idle_timeout: Duration,
    /// From the first byte of a request head to its last; also how long a new connection may be
    /// silent. Default: 15 s. Beyond it: 408, or closed without a word if nothing was sent.
    pub head_timeout: Duration,
    /// How long the next piece of a request body may take while the service waits for it.
    /// Default: 30 s. Beyond it: the body fails, and 408 if the answer has not begun.
    /// Each piece has this time anew, however small: there is no lowest rate.
    pub body_timeout: Duration,
    /// How long the client may take nothing of an answer that is being sent. Default: 30 s.
    /// Beyond it: the connection is cut.
    pub write_timeout: Duration,
    /// How long a client that has ended its side behind a whole request waits for the next piece of
    /// its answer. Such a client may be gone; that shows only when it is sent something.
    /// Default: 1 s. Beyond it: the future of the service is dropped and the connection cut.
    pub half_close_timeout: Duration,
    /// Requests that a client of HTTP/2 may have open at once on one connection. Default: 100.
    /// Beyond it: `REFUSED_STREAM`. Who takes back twice as many within 10 s before their answers
    /// begin is told `ENHANCE_YOUR_CALM`, and so is a flood of what costs the sender nothing.
    pub max_streams: u32,
    /// How much of one request body over HTTP/2 may wait for the service. Default: 256 kB.
    /// Beyond it the client must wait; one that does not is told `FLOW_CONTROL_ERROR`.
    pub stream_window: u32,
    /// The same for all requests of one connection together. Default: 1 MB.
    pub connection_window: u32,
    /// How often a client of HTTP/2 with open requests is asked whether it is there.
    /// Default: 30 s.
    pub ping_interval: Duration,
    /// How long it may take to answer that. Default: 20 s. Beyond it: the connection is cut.
    pub ping_timeout: Duration,
    /// How long a connection may stay silent once a drain has begun, so that a request already on
    /// its way is still answered. Default: 500 ms. Beyond it: closed.
    pub drain_idle: Duration,
    /// Whether other processes of this user may listen on the same address, for a hand-over.
    /// Default: no; an address in use is a fault at [`bind`](crate::Server::bind).
    pub share_address: bool,
}

/// How many threads can run at once. Asked for once, because the system has to read files for it.
#[must_use]
pub fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, NonZero::get))
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: processors(),
            max_connections: 60_000,
            backlog: 4_096,
            max_head_bytes: 32 * 1024,
            max_target_bytes: 8 * 1024,
            max_headers: 100,
            max_body_bytes: 1 << 30,
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            head_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            half_close_timeout: Duration::from_secs(1),
            max_streams: 100,
            stream_window: 256 * 1024,
            connection_window: 1024 * 1024,
            ping_interval: Duration::from_secs(30),
            ping_timeout: Duration::from_secs(20),
            drain_idle: Duration::from_millis(500),
            share_address: false,
        }
    }
}

impl Settings {
    /// The bounds on one request head.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            head_bytes: self.max_head_bytes,
            target_bytes: self.max_target_bytes,
            headers: self.max_headers.min(MAX_HEADERS),
        }
    }
}
