//! The sockets of the data plane: listeners, TLS, HTTP/1.1 and HTTP/2, keep-alive, streaming, drain.
//!
//! Thread per core: each thread has its own runtime, its own `SO_REUSEPORT` listener and its own
//! connections; nothing is shared on the way of a request. [`codec`] is the protocol without
//! sockets, [`path`] the one spelling of paths. What answers is a [`Service`].
//!
//! The future of a [`Service`] is dropped when its client resets the connection, or ends it in the
//! middle of the body: at once. A client that ends its side behind a whole request may still read
//! (`nc -N`), or be gone; TCP does not say. So it has [`Settings::half_close_timeout`] to be sent
//! something, which shows whether it is there. hyper and nginx take such an end for a client that
//! is gone, HAProxy without `abortonclose` for one that reads; this is neither for long. What lies
//! behind 64 kB that the service has not asked for is not seen, nor is an end behind it.

mod body;
pub mod clock;
pub mod codec;
mod connection;
mod date;
mod drain;
mod entrance;
mod exchange;
mod half_close;
mod http2;
mod listen;
pub mod path;
#[cfg_attr(not(target_os = "linux"), path = "pipe/elsewhere.rs")]
mod pipe;
pub mod proxy_protocol;
mod pump;
pub mod read;
mod refusal;
mod relay;
mod reply;
mod server;
mod service;
mod settings;
mod sink;
pub mod timer;
mod tls;
mod transport;
mod upgrade;

pub use body::Body;
pub use ipnet::IpNet;
pub use pipe::Pipe;
pub use relay::{NoRelay, Relay, Relayed, Written};
pub use server::{DrainReport, Running, Server};
pub use service::{BoxError, Peer, Poured, Service};
pub use settings::{Settings, processors};
pub use tls::{CertificateFiles, Certificates, Challenges, Issued, Pending, Validity};
pub use upgrade::{Upgrade, WEBSOCKET};
