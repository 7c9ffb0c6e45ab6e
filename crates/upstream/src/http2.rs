//! HTTP/2 towards a server (RFC 9113), by the `h2` library: one connection for each thread and
//! server, and another where the server lets no more requests into it. A request looks to a server as
//! it would in HTTP/1.1, and what is refused of an answer there is refused here.

mod answer;
mod body;
mod exchange;
mod link;
mod links;
mod opening;
mod outgoing;
mod request;
mod sender;

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use crate::body::Incoming;
use crate::endpoint::Endpoint;
use crate::error::{BoxError, Error};
use crate::pool::Pool;

use exchange::{Exchange, Failed};
use link::Slot;

pub(crate) use body::Http2Body;
pub(crate) use links::{Way, forget, reach};

/// Sends a request into `slot`, and waits for the head of the answer. What the server has certainly
/// not looked at is sent once more, and so is what may be sent twice when a connection that waited
/// turns out to have ended.
pub(crate) async fn send<B>(
    pool: &Arc<Pool>,
    endpoint: &Arc<Endpoint>,
    mut slot: Slot,
    request: Request<B>,
) -> Result<Response<Incoming>, Error>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (head, mut outgoing) = request::begin(request, pool.speaks.scheme())?;
    let mut may_repeat = true;
    loop {
        let is_reused = slot.is_reused;
        let exchange = Exchange::begin(slot, &head, outgoing, &pool.settings);
        let Failed { error, fate, outgoing: mut unsent } = match exchange {
            Ok(mut exchange) => match std::future::poll_fn(|cx| exchange.poll(cx)).await {
                Ok(answer) => return exchange.answered(head.method(), answer, &pool.settings),
                Err(error) => exchange.failed(error),
            },
            Err(failed) => *failed,
        };
        let is_safe =
            fate.is_unprocessed() || (fate.is_cut() && is_reused && head.method().is_idempotent());
        if !(may_repeat && is_safe && unsent.rewind()) {
            return Err(error);
        }
        may_repeat = false;
        outgoing = unsent;
        slot = match reach(pool, endpoint).await? {
            Way::Http2(slot) => slot,
            Way::Http1 => return Err(error),
        };
    }
}
