//! Sending a request, and what comes back.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, Version};

use crate::body::Incoming;
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::{BoxError, Error};
use crate::exchange::Exchange;
use crate::pool::{Care, Pool};
use crate::request::{self, Asked};
use crate::settings::Settings;

/// Sends requests, and keeps the connections they went over for the next ones. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    pool: Arc<Pool>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Client {
    /// A client without connections.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { pool: Pool::new(settings) }
    }

    /// Sends `request` to `endpoint` and waits for the head of the answer.
    ///
    /// Only the path and query of its URI are sent; headers that concern a connection are not. With
    /// `expect: 100-continue` its body is not touched before the server wants it. With the
    /// extension [`ingress::Upgrade`] the answer may be a 101; its body is then what the server
    /// sends, and the server gets what the client sends.
    ///
    /// A connection that waited may have been closed by the server meanwhile. The request is then
    /// sent over another, if nothing of it was sent, or if it is idempotent and all of it is still
    /// at hand.
    ///
    /// # Errors
    /// [`Error`]: there is no answer.
    pub async fn send<B>(
        &self,
        endpoint: &Arc<Endpoint>,
        request: Request<B>,
    ) -> Result<Response<Incoming>, Error>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (asked, mut sender) = request::begin(request);
        let settings = &self.pool.settings;
        let care = if asked.is_idempotent() { Care::Quiet } else { Care::Open };
        loop {
            let waiting = self.pool.take(endpoint, care);
            let is_reused = waiting.is_some();
            let connection = match waiting {
                Some(connection) => connection,
                None => Connection::open(endpoint, settings.connect_timeout).await?,
            };
            let mut exchange = Exchange::new(connection, sender, &asked, settings);
            let answered = std::future::poll_fn(|cx| exchange.poll(cx)).await;
            match answered {
                Ok((head, behind)) => {
                    let Exchange { connection, sender, is_sent, .. } = exchange;
                    let sender = (!is_sent).then_some(sender);
                    return Ok(self.answer(asked, head, behind, connection, sender));
                }
                Err(Error::Closed)
                    if is_reused
                        && exchange.is_stale()
                        && exchange.sender.rewind(|| asked.is_idempotent()) =>
                {
                    sender = exchange.sender;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn answer(
        &self,
        asked: Asked,
        head: crate::head::ResponseHead,
        behind: Bytes,
        connection: Connection,
        sender: Option<crate::sender::Sender>,
    ) -> Response<Incoming> {
        let upgrade = asked.upgrade.map(|(_, upgrade)| upgrade);
        let mut response = Response::new(Incoming::empty());
        *response.status_mut() = head.status;
        *response.version_mut() = Version::HTTP_11;
        let body = Incoming::new(&self.pool, &head, behind, connection, sender, upgrade);
        *response.headers_mut() = head.headers;
        response.map(|_| body)
    }
}
