//! What answers requests.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};

use crate::body::Body;

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Their address.
    pub address: SocketAddr,
    /// The address they connected to.
    pub local: SocketAddr,
    /// Whether they came over TLS.
    pub tls: bool,
}

/// Something that answers requests, called from every thread of the server.
pub trait Service: Send + Sync + 'static {
    /// The body of its answers.
    type Body: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;

    /// Answers one request. The URI is in origin form with a normalised path; the `host` header is
    /// lower-case and agrees with the target. The future is dropped when the client
    /// goes away; the [crate] says when that is noticed.
    fn call(
        &self,
        request: Request<Body>,
        peer: &Peer,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}
