//! The sockets of the data plane: listeners, HTTP/1.1, keep-alive, streaming, drain.
//!
//! Thread per core: each thread has its own runtime, its own `SO_REUSEPORT` listener and its own
//! connections; nothing is shared on the way of a request. [`codec`] is the protocol without
//! sockets, [`path`] the one spelling of paths. What answers is a [`Service`].

mod body;
pub mod codec;
mod connection;
mod date;
mod drain;
mod exchange;
mod listen;
pub mod path;
mod pump;
mod read;
mod refusal;
mod reply;
mod server;
mod service;
mod settings;
mod sink;
mod timer;

pub use body::Body;
pub use server::{DrainReport, Running, Server};
pub use service::{BoxError, Peer, Service};
pub use settings::Settings;
