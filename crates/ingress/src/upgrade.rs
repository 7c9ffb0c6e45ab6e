//! Another protocol on the same connection (RFC 9110 §7.8), of which only WebSocket is let through:
//! behind any other, `h2c` above all, requests could be made that nobody here has looked at.

use std::sync::Arc;

use crate::body::{Body, Channel};

/// The one protocol that a connection may change to, as `Upgrade` names it.
pub const WEBSOCKET: &str = "websocket";

/// An extension of a request whose client offers to speak WebSocket. A service that accepts answers
/// with 101 and `upgrade: websocket`; the body of that answer is then what the client is sent, byte
/// for byte, and this is what the client sends.
#[derive(Debug, Clone)]
pub struct Upgrade(pub(crate) Arc<Channel>);

impl Upgrade {
    /// What the client sends once it has its 101. It never comes if the answer is another.
    #[must_use]
    pub fn into_body(self) -> Body {
        Body::channel(self.0, None)
    }
}
