//! Sending a request, and what comes back.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version};
use ingress::Upgrade;

use crate::body::Incoming;
use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::{BoxError, Error};
use crate::exchange::{Answered, Exchange, Taker};
use crate::head::{Framing, HeadView, Scan, Slots, slots};
use crate::http2::{self, Way};
use crate::pool::{Care, Pool};
use crate::request::{self, Asked};
use crate::sender::{Sender, Source};
use crate::settings::Settings;
use crate::speaks::{Alpn, Speaks};

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
    /// A client without connections, for servers of HTTP/1.1 in the clear.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self::speaking(settings, Speaks::Http1)
    }

    /// A client without connections.
    #[must_use]
    pub fn speaking(settings: Settings, speaks: Speaks) -> Self {
        Self { pool: Pool::new(settings, speaks) }
    }

    /// Whether it takes requests as bytes: see [`relay`](Self::relay).
    #[must_use]
    pub fn relays(&self) -> bool {
        matches!(self.pool.speaks, Speaks::Http1)
    }

    /// Sends `request` to `endpoint` and waits for the head of the answer.
    ///
    /// Only the path and query of its URI are sent; headers that concern a connection are not. With
    /// `expect: 100-continue` its body is not touched before the server wants it. With the
    /// extension [`ingress::Upgrade`] the answer may be a 101, but over HTTP/2 in the clear; its
    /// body is then what the server sends, and the server gets what the client sends.
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
        let is_http1 = match &self.pool.speaks {
            Speaks::Http1 | Speaks::Tls(_, Alpn::Http1) => true,
            // A WebSocket is a thing of HTTP/1.1.
            Speaks::Tls(_, Alpn::Either) => request.extensions().get::<Upgrade>().is_some(),
            Speaks::H2c => false,
        };
        if is_http1 {
            return self.send_http1(endpoint, request).await;
        }
        // Boxed, so that HTTP/1.1 carries none of it.
        let reached = Box::pin(http2::reach(&self.pool, endpoint)).await?;
        match reached {
            Way::Http1 => self.send_http1(endpoint, request).await,
            Way::Http2(slot) => Box::pin(http2::send(&self.pool, endpoint, slot, request)).await,
        }
    }

    async fn send_http1<B>(
        &self,
        endpoint: &Arc<Endpoint>,
        request: Request<B>,
    ) -> Result<Response<Incoming>, Error>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (asked, sender) = request::begin(request);
        let response = self.exchange(endpoint, asked, sender, None).await?;
        response.ok_or(Error::Closed)
    }

    /// Sends `request`, all the bytes of a request of `method` that is neither HEAD nor offers
    /// another protocol, and waits for the answer. One that comes whole, in one piece, with a status
    /// that can have a body and without an end of the connection, goes to `take`; any other is
    /// given back. The request must be one that [`send`](Self::send) could have written, and the
    /// client one that [`relays`](Self::relays).
    ///
    /// # Errors
    /// [`Error`]: there is no answer.
    pub async fn relay(
        &self,
        endpoint: &Arc<Endpoint>,
        method: Method,
        request: Vec<u8>,
        mut take: impl FnMut(&HeadView<'_>, &[u8]) + Send,
    ) -> Result<Option<Response<Incoming>>, Error> {
        debug_assert!(self.relays(), "these bytes are HTTP/1.1 in the clear");
        let limit = self.pool.settings.max_head_bytes;
        let (of, asked) = (method.clone(), Asked { method, upgrade: None });
        let mut taker = |bytes: &[u8]| {
            let mut slots = slots();
            let Some((view, body)) = whole(bytes, limit, &mut slots, &of) else { return false };
            take(&view, body);
            true
        };
        let sender = Sender::new(request, Source::Done);
        self.exchange(endpoint, asked, sender, Some(&mut taker)).await
    }

    /// None when the taker took it.
    async fn exchange(
        &self,
        endpoint: &Arc<Endpoint>,
        asked: Asked,
        mut sender: Sender,
        mut taker: Option<Taker<'_>>,
    ) -> Result<Option<Response<Incoming>>, Error> {
        let settings = &self.pool.settings;
        let care = if asked.is_idempotent() { Care::Quiet } else { Care::Open };
        loop {
            let waiting = self.pool.take(endpoint, care);
            let is_reused = waiting.is_some();
            let connection = match waiting {
                Some(connection) => connection,
                // Boxed, so that the usual request carries none of it.
                None => Box::pin(Connection::open(endpoint, &self.pool)).await?,
            };
            let taker = taker.as_mut().map(|taker| &mut **taker as Taker<'_>);
            let mut exchange = Exchange::new(connection, sender, &asked, settings, taker);
            let answered = std::future::poll_fn(|cx| exchange.poll(cx)).await;
            match answered {
                Ok(Answered::Taken) => {
                    self.pool.give(exchange.connection);
                    return Ok(None);
                }
                Ok(Answered::Head(head, behind)) => {
                    let Exchange { connection, sender, is_sent, .. } = exchange;
                    let sender = (!is_sent).then_some(sender);
                    return Ok(Some(self.answer(asked, head, behind, connection, sender)));
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
        sender: Option<Sender>,
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

/// The head and the body of an answer that is all of `bytes`, needs no look at the connection, and
/// is the last that comes.
fn whole<'b>(
    bytes: &'b [u8],
    limit: usize,
    slots: &'b mut Slots<'b>,
    method: &Method,
) -> Option<(HeadView<'b>, &'b [u8])> {
    let length = Scan::default().advance(bytes, limit).ok()??;
    let (head, body) = bytes.split_at(length);
    let view = HeadView::parse(head, slots, method, None).ok()?;
    let is_whole = match view.framing {
        Framing::None => body.is_empty(),
        Framing::Length(length) => body.len() as u64 == length,
        Framing::Chunked | Framing::UntilClose | Framing::Tunnel => false,
    };
    let is_plain = view.keep_alive
        && !view.status.is_informational()
        && !matches!(view.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    (is_whole && is_plain).then_some((view, body))
}
