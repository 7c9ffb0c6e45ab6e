//! Talking to a collector: one connection that is kept, HTTP/1.1, in the clear or over TLS.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deploy_spec::Fault;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::proto::{Held, find};

/// Bytes of an answer that are read.
const ANSWER_MAX: usize = 64 * 1024;
const AGENT: &str = concat!("gtc/", env!("CARGO_PKG_VERSION"));

/// Where a collector is, and what it is told with each request.
#[derive(Clone)]
pub struct Collector {
    host: String,
    port: u16,
    authority: String,
    /// What stands in front of `/v1/…`, empty or `/…`.
    base: String,
    headers: HeaderMap,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// The headers may hold secrets.
impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Collector").field(&self.authority).finish()
    }
}

/// Why something was not sent.
#[derive(Debug)]
pub(super) enum Failed {
    /// It may be tried again, after this time if the collector says so.
    ForNow(String, Option<Duration>),
    /// It is not wanted.
    ForGood(String),
}

impl Collector {
    /// The collector at `url`, which is what stands before `/v1/traces` and `/v1/metrics`.
    ///
    /// # Errors
    /// `invalid-input` when that is no URL of HTTP.
    pub fn new(url: &str, headers: HeaderMap) -> Result<Self, Fault> {
        let wrong = |why: &str| {
            Fault::invalid(format!("`{url}` {why}")).hint("--otlp-endpoint http://localhost:4318")
        };
        let uri: Uri = url.parse().map_err(|_| wrong("is no URL"))?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("does not begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("names no host"))?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err(wrong("has a user or a query, which no collector takes"));
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host.clone()).map_err(|_| wrong("names no host"))?;
        Ok(Self {
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            authority: authority.to_string(),
            base: uri.path().trim_end_matches('/').to_owned(),
            headers,
            tls: if is_tls { Some((connector()?, name)) } else { None },
            host,
        })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failed> {
        let failed = |why: &dyn std::fmt::Display| {
            Failed::ForNow(format!("connecting to {} failed: {why}", self.authority), None)
        };
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = stream.map_err(|error| failed(&error))?;
        // Requests are sent in one piece; a failure to say so costs time and nothing else.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => speak(stream).await,
            Some((tls, name)) => match tls.connect(name.clone(), stream).await {
                Ok(stream) => speak(stream).await,
                Err(error) => return Err(failed(&error)),
            },
        }
        .map_err(|error| failed(&error))
    }

    fn request(&self, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, Failed> {
        let mut request = Request::post(format!("{}{path}", self.base))
            .header(HOST, &self.authority)
            .header(USER_AGENT, AGENT)
            .header(CONTENT_TYPE, "application/x-protobuf")
            .body(Full::new(body))
            .map_err(|error| Failed::ForGood(error.to_string()))?;
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        Ok(request)
    }
}

/// A collector with the connection to it.
pub(super) struct Link {
    collector: Collector,
    kept: Option<SendRequest<Full<Bytes>>>,
}

impl Link {
    pub(super) const fn new(collector: Collector) -> Self {
        Self { collector, kept: None }
    }

    /// Sends a message; gives how many of what is in it the collector did not take, and why.
    pub(super) async fn post(
        &mut self,
        path: &str,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Option<(u64, String)>, Failed> {
        let sent = tokio::time::timeout(patience, self.exchange(path, body.into())).await;
        let (status, headers, body) = match sent {
            Ok(sent) => sent?,
            Err(_) => {
                let why = format!("{} did not answer in time", self.collector.authority);
                return Err(Failed::ForNow(why, None));
            }
        };
        let said = || format!("{} answered {status}", self.collector.authority);
        match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                let after = headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok());
                let after = after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
                Err(Failed::ForNow(said(), after))
            }
            status if status.is_success() => Ok(rejected(&body)),
            _ => Err(Failed::ForGood(said())),
        }
    }

    async fn exchange(
        &mut self,
        path: &str,
        body: Bytes,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Failed> {
        // A connection that was kept may have been closed meanwhile, which is no failure.
        if let Some(kept) = self.kept.take().filter(|kept| !kept.is_closed())
            && let Ok(response) = self.ask(kept, path, body.clone()).await
        {
            return self.read(response).await;
        }
        let fresh = self.collector.connect().await?;
        let response = self.ask(fresh, path, body).await?;
        self.read(response).await
    }

    async fn ask(
        &mut self,
        mut sender: SendRequest<Full<Bytes>>,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failed> {
        let broke = |error: hyper::Error| {
            Failed::ForNow(format!("{} broke off: {error}", self.collector.authority), None)
        };
        sender.ready().await.map_err(broke)?;
        let sent = sender.send_request(self.collector.request(path, body)?).await;
        let response = sent.map_err(broke)?;
        self.kept = Some(sender);
        Ok(response)
    }

    async fn read(
        &mut self,
        response: Response<Incoming>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), Failed> {
        let (parts, body) = response.into_parts();
        match Limited::new(body, ANSWER_MAX).collect().await {
            Ok(body) => Ok((parts.status, parts.headers, body.to_bytes())),
            Err(error) => {
                self.kept = None;
                let why = format!("{} broke off: {error}", self.collector.authority);
                Err(Failed::ForNow(why, None))
            }
        }
    }
}

/// How many of what was sent the collector did not take, and why; by the `partial_success` that both
/// of its answers may have.
fn rejected(answer: &[u8]) -> Option<(u64, String)> {
    let Held::Bytes(partial) = find(answer, 1)? else { return None };
    let Held::Number(rejected @ 1..) = find(partial, 1)? else { return None };
    let why = match find(partial, 2) {
        Some(Held::Bytes(why)) => String::from_utf8_lossy(why).into_owned(),
        _ => String::new(),
    };
    Some((rejected, why))
}

async fn speak<S>(stream: S) -> hyper::Result<SendRequest<Full<Bytes>>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with the last request, or tells it why it failed.
    tokio::spawn(connection);
    Ok(sender)
}

/// Whom we believe to be who they say: the system's certificates.
fn connector() -> Result<TlsConnector, Fault> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::internal(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_a_url_of_http_without_a_user_and_a_query() {
        for (url, wanted) in [
            ("http://localhost:4318", Some(("localhost", 4318, ""))),
            ("http://localhost:4318/", Some(("localhost", 4318, ""))),
            ("https://otlp.test/base/", Some(("otlp.test", 443, "/base"))),
            ("http://[::1]:4318", Some(("::1", 4318, ""))),
            ("http://10.0.0.1", Some(("10.0.0.1", 80, ""))),
            ("localhost:4318", None),
            ("grpc://localhost:4317", None),
            ("http://me:secret@localhost", None),
            ("http://localhost/?key=secret", None),
            ("", None),
        ] {
            let found = Collector::new(url, HeaderMap::new()).ok();
            let said = found.as_ref().map(|it| (it.host.as_str(), it.port, it.base.as_str()));
            assert_eq!(said, wanted, "{url}");
        }
    }
}
