//! Calls to an authority, over the same client by which servers are reached. An authority is a
//! stranger: how long it takes, how much it says and how long it has us wait is bounded here.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use deploy_spec::{Fault, Timestamp};
use http::header::{HOST, RETRY_AFTER, USER_AGENT};
use http::uri::Authority;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use jiff::fmt::rfc2822::DateTimeParser;
use upstream::{Alpn, Client, Endpoint, Speaks, Tls};

use crate::schedule::TOLD_MAX;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer, at most: a chain has some thousands.
const ANSWER_MAX: usize = 1 << 20;
const AGENT: &str = concat!("gtc/", env!("CARGO_PKG_VERSION"));

/// Calls an authority. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Caller {
    shared: Arc<Shared>,
}

struct Shared {
    ca: Option<Vec<u8>>,
    now: fn() -> Timestamp,
    servers: Mutex<HashMap<Authority, Server>>,
    /// How long it last asked to be left alone.
    told: Mutex<Option<Duration>>,
}

/// A server of an authority, which may have several.
#[derive(Clone)]
struct Server {
    client: Client,
    endpoint: Arc<Endpoint>,
}

impl Caller {
    /// # Errors
    /// `invalid-input` when `ca` holds no certificate.
    pub(crate) fn new(ca: Option<Vec<u8>>, now: fn() -> Timestamp) -> Result<Self, Fault> {
        // Found out here, and not at the first call.
        Tls::new("localhost", ca.as_deref())?;
        let shared = Shared { ca, now, servers: Mutex::default(), told: Mutex::default() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How long the authority asked to be left alone, since this was asked before.
    pub(crate) fn take_told(&self) -> Option<Duration> {
        self.shared.told.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// # Errors
    /// `unavailable` when there is no whole answer; `refused` for a URL that is not by TLS.
    async fn call(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Response<Bytes>, Fault> {
        let (mut parts, body) = request.into_parts();
        let not_so = |what: &str| {
            Fault::refused(format!("the authority names a URL that is {what}"))
                .hint("is --acme-directory the directory of an ACME server?")
        };
        let authority = match (parts.uri.scheme_str(), parts.uri.authority()) {
            (Some("https"), Some(authority)) => authority.clone(),
            _ => return Err(not_so("not https")),
        };
        let server = self.server(&authority)?;
        let invalid = |_| not_so("none");
        let host = HeaderValue::from_str(authority.as_str()).map_err(invalid)?;
        parts.headers.insert(HOST, host);
        parts.headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let request = Request::from_parts(parts, body);
        let failed = |why: String, hint: &str| {
            Fault::unavailable(format!("the authority at {authority} cannot be asked: {why}"))
                .hint(hint)
        };
        let spelt = "is --acme-directory spelt right, and can this machine reach it?";
        let answer = async {
            let sent = server.client.send(&server.endpoint, request).await;
            let response = sent.map_err(|error| match error {
                upstream::Error::Tls(error) => failed(
                    format!("TLS with it failed: {error}"),
                    "if an authority of your own vouches for it: --acme-ca FILE",
                ),
                error => failed(error.to_string(), spelt),
            })?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_MAX).collect().await;
            let body = body.map_err(|error| failed(error.to_string(), spelt))?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        let mut answer = answer.unwrap_or_else(|_| {
            Err(failed(format!("no answer in {} s", PATIENCE.as_secs()), spelt))
        })?;
        self.hear(&mut answer);
        if answer.status().is_server_error() {
            let status = answer.status().as_u16();
            return Err(failed(format!("it answered {status}"), "it is asked again by itself"));
        }
        Ok(answer)
    }

    /// Notes what the authority asks for, and bounds it before the library adds it to a time, which
    /// ends in a panic for a number that is large enough.
    fn hear(&self, answer: &mut Response<Bytes>) {
        let status = answer.status();
        let headers = answer.headers_mut();
        let Some(said) = headers.remove(RETRY_AFTER) else { return };
        let Some(told) = retry_after(&said, (self.shared.now)()) else { return };
        headers.insert(RETRY_AFTER, HeaderValue::from(told.as_secs()));
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            *self.shared.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
        }
    }

    fn server(&self, authority: &Authority) -> Result<Server, Fault> {
        let mut servers = self.shared.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = servers.get(authority) {
            return Ok(server.clone());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = Tls::new(&host, self.shared.ca.as_deref())?;
        let client = Client::speaking(upstream::Settings::default(), Speaks::Tls(tls, Alpn::Http1));
        let port = authority.port_u16().unwrap_or(443);
        let server = Server { client, endpoint: Arc::new(Endpoint::Name { host, port }) };
        servers.insert(authority.clone(), server.clone());
        Ok(server)
    }
}

impl HttpClient for Caller {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let this = self.clone();
        Box::pin(async move {
            let answer = this.call(request).await.map_err(|fault| Error::Other(Box::new(fault)))?;
            let (parts, body) = answer.into_parts();
            Ok(BytesResponse { parts, body: Box::new(body) })
        })
    }
}

/// Seconds, or a date (RFC 9110 §10.2.3); at most [`TOLD_MAX`].
fn retry_after(said: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let said = said.to_str().ok()?.trim();
    if !said.is_empty() && said.bytes().all(|b| b.is_ascii_digit()) {
        // What does not fit is long.
        let seconds = said.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(TOLD_MAX));
    }
    let until = DateTimeParser::new().parse_timestamp(said).ok()?;
    let rest = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    Some(rest.min(TOLD_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_to_wait_is_a_number_or_a_date_and_has_a_bound() {
        let now = "1994-11-06T08:49:37Z".parse().unwrap();
        let week = TOLD_MAX.as_secs();
        for (said, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 3 ", Some(3)),
            ("18446744073709551615", Some(week)),
            ("99999999999999999999999999", Some(week)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Thu, 30 Dec 9999 12:00:00 GMT", Some(week)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            let found = retry_after(&HeaderValue::from_static(said), now);
            assert_eq!(found.map(|told| told.as_secs()), seconds, "{said}");
        }
    }
}
