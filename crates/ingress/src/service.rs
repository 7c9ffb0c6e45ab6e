//! What answers requests.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};

use crate::body::Body;
use crate::codec::{Reject, RequestHead};
use crate::pipe::Pipe;
use crate::relay::Relay;

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How many bytes of a body are in a pipe now, one at least; none of a body, or a part of it, that has
/// to come as frames.
pub type Poured = Option<Result<usize, BoxError>>;

/// [`Service::poll_over`].
pub(crate) type Over<B> = fn(Pin<&mut B>, &mut Context<'_>) -> Poll<()>;

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
    /// What it relays; [`NoRelay`](crate::NoRelay) for nothing.
    type Relay: Relay<Body = Self::Body>;

    /// Takes a request on the short way, `body` being all of its body; none if it has to see it as
    /// a [`call`](Self::call), which comes next then. Both must come to the same answer.
    /// Boxed where it is made, because it is large and moves.
    /// Asked on HTTP/1.1 only, never for a HEAD, an upgrade or the target `*`.
    fn relay(&self, head: &RequestHead<'_>, body: &[u8], peer: &Peer) -> Option<Box<Self::Relay>> {
        let _ = (head, body, peer);
        None
    }

    /// Puts what comes next of a body of known length into a pipe that is empty, in place of giving
    /// it as a frame; asked for where the client is reached through a socket in the clear. The
    /// default: no body goes through a pipe.
    fn poll_pour(
        body: Pin<&mut Self::Body>,
        cx: &mut Context<'_>,
        pipe: &mut Pipe,
    ) -> Poll<Poured> {
        let _ = (body, cx, pipe);
        Poll::Ready(None)
    }

    /// Ready once the rest of a body is not to be waited for. Asked while the client takes nothing, when
    /// the body itself is not. The default: never.
    fn poll_over(body: Pin<&mut Self::Body>, cx: &mut Context<'_>) -> Poll<()> {
        let _ = (body, cx);
        Poll::Pending
    }

    /// Told of what was refused and never became a request of this service.
    fn refused(&self, reject: Reject, peer: &Peer) {
        let _ = (reject, peer);
    }

    /// Answers one request. The URI is in origin form with a normalised path; the `host` header is
    /// lower-case and agrees with the target. The future is dropped when the client
    /// goes away; the [crate] says when that is noticed.
    fn call(
        &self,
        request: Request<Body>,
        peer: &Peer,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}
