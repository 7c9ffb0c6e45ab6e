//! The client against servers that behave and servers that do not.
#![expect(clippy::unwrap_used, reason = "what fails here is the test")]

mod answers;
mod frames;
mod hostile;
mod http2;
mod nginx;
mod over_http2;
mod poured;
mod proxy;
mod requests;
mod reuse;
mod server;
mod streams;
mod tls;
