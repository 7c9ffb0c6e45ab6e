//! The server over real sockets: keep-alive, framing, streaming, refusals, drain.
#![expect(clippy::unwrap_used, reason = "what fails here is the test")]

mod client;
mod drain;
mod exchange;
mod gone;
mod handed;
mod http2;
mod http2_frames;
mod idle;
mod issued;
mod peer;
mod proxied;
mod refuse;
mod stall;
mod tls;
