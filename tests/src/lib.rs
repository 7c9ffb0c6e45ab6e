//! Driving `gtc` from outside: words in, envelopes out; requests over real sockets.
//!
//! The demo and the black-box tests share it. It knows nothing of the inside: what it asserts is
//! what an operator or a client could see.

mod authority;
mod chance;
mod folder;
mod gtc;
mod http;
mod looks;
mod pebble;
mod prober;
mod redis;

pub use authority::{Authority, Issued};
pub use chance::bounds;
pub use folder::Folder;
pub use gtc::{Ended, Gtc, Serving};
pub use http::{Answer, Connection};
pub use looks::looks;
pub use pebble::{BLOCKED, Pebble};
pub use prober::{Obeyed, Prober};
pub use redis::Redis;
