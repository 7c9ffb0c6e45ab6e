//! HTTP towards a server: HTTP/1.1 by a codec of our own, TLS and HTTP/2 by libraries.
//!
//! A [`Client`] sends a request to an [`Endpoint`] and gives the answer as soon as its head is
//! there; the rest of both bodies flows while the answer's body is read. Nothing is spawned for a
//! request: dropping the future or the body ends the exchange, and closes its connection, or its
//! stream of HTTP/2.
//!
//! Answers are read as strictly as requests are: what two parsers could read differently is a
//! [`Violation`]. A connection of HTTP/1.1 is used again only after an exchange of which both sides
//! are complete and nothing is left over. Connections belong to the thread that made them.

mod body;
mod client;
mod connection;
mod endpoint;
mod error;
mod exchange;
mod head;
mod http2;
mod pool;
mod request;
mod sender;
mod settings;
mod socket;
mod speaks;
mod stream;
mod tls;

pub use body::Incoming;
pub use client::Client;
pub use endpoint::{Endpoint, Trust};
pub use error::{BoxError, Error};
pub use head::{Framing, HeadView, ResponseHead, Violation};
pub use ingress::{Pipe, Poured};
pub use settings::Settings;
pub use socket::Socket;
pub use speaks::{Alpn, Speaks};
pub use stream::is_stream;
pub use tls::Tls;
