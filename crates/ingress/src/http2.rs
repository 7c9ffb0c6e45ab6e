//! HTTP/2 (RFC 9113) by the `h2` library: over TLS where both sides choose it, and on plaintext for
//! clients that know before that it is spoken here. To a [`Service`](crate::Service) a request looks
//! as one of HTTP/1.1 does, and what is refused there is refused here.

mod body;
mod connection;
mod request;
mod rewind;
mod send;
mod stream;

pub(crate) use body::Incoming;
pub(crate) use connection::serve;

/// What a client begins with (RFC 9113 §3.4), as far as it looks like the head of a request.
pub(crate) const PREFACE_HEAD: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";
