//! How servers are spoken to.

use crate::tls::Tls;

/// What a [`Client`](crate::Client) speaks to its servers.
#[derive(Debug, Clone, Default)]
pub enum Speaks {
    /// HTTP/1.1 in the clear.
    #[default]
    Http1,
    /// HTTP/2 in the clear, from the first byte on (prior knowledge, RFC 9113 §3.3).
    H2c,
    /// TLS, and HTTP/2 or HTTP/1.1 inside.
    Tls(Tls, Alpn),
}

/// What is offered to a server over TLS (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// HTTP/2, and HTTP/1.1 for who cannot. A request that offers to become a WebSocket goes over
    /// a connection of its own that is offered HTTP/1.1 alone.
    Either,
    /// HTTP/1.1.
    Http1,
}

impl Speaks {
    /// The scheme of the requests.
    pub(crate) const fn scheme(&self) -> &'static str {
        match self {
            Self::Http1 | Self::H2c => "http",
            Self::Tls(..) => "https",
        }
    }

    pub(crate) const fn tls(&self) -> Option<&Tls> {
        match self {
            Self::Http1 | Self::H2c => None,
            Self::Tls(tls, _) => Some(tls),
        }
    }
}
