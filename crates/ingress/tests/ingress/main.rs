//! The server over real sockets: keep-alive, framing, streaming, refusals, drain.

mod client;
mod drain;
mod exchange;
mod refuse;
