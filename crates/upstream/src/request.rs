//! Writing the head of a request, and deciding how its body is framed.

use std::io::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use ingress::{Upgrade, WEBSOCKET};

use crate::error::BoxError;
use crate::head::is_hop_by_hop;
use crate::sender::{Outgoing, Sender, Source};

/// What must be known of a request to read its answer.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// The protocol that it offers to change to, and what the client sends behind the answer.
    pub(crate) upgrade: Option<(HeaderValue, Upgrade)>,
}

impl Asked {
    /// Whether sending it twice does no more than sending it once (RFC 9110 §9.2.2).
    pub(crate) fn is_idempotent(&self) -> bool {
        self.method.is_idempotent()
    }
}

/// The request, ready to be sent, its head written.
pub(crate) fn begin<B>(request: Request<B>) -> (Asked, Sender)
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (mut parts, body) = request.into_parts();
    let length = body_length(&body);
    let upgrade = parts.extensions.remove::<Upgrade>().filter(|_| length == Some(0));
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(parts.method.as_str().as_bytes());
    out.push(b' ');
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    write_headers(&mut out, &parts.headers);
    if upgrade.is_some() {
        out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n");
    } else if accepts_trailers(&parts.headers) {
        // Some servers send trailers only to who asks for them.
        out.extend_from_slice(b"connection: te\r\nte: trailers\r\n");
    }
    let source = match length {
        Some(0) => {
            if matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
                out.extend_from_slice(b"content-length: 0\r\n");
            }
            Source::Done
        }
        Some(length) => {
            let written = write!(out, "content-length: {length}\r\n");
            debug_assert!(written.is_ok(), "writing to memory cannot fail");
            source(body, Outgoing::Length(length), &parts.headers, &mut out)
        }
        None => {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
            source(body, Outgoing::Chunked, &parts.headers, &mut out)
        }
    };
    out.extend_from_slice(b"\r\n");
    let upgrade = upgrade.map(|upgrade| (HeaderValue::from_static(WEBSOCKET), upgrade));
    (Asked { method: parts.method, upgrade }, Sender::new(out, source))
}

fn source<B>(body: B, framing: Outgoing, headers: &HeaderMap, out: &mut Vec<u8>) -> Source
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let body = Box::pin(http_body_util::BodyExt::map_err(body, Into::into));
    if waits_for_continue(headers) {
        out.extend_from_slice(b"expect: 100-continue\r\n");
        Source::Held(body, framing)
    } else {
        Source::Flowing(body, framing)
    }
}

/// How long the body of a request is, where that is known.
pub(crate) fn body_length(body: &impl http_body::Body) -> Option<u64> {
    if body.is_end_stream() { Some(0) } else { body.size_hint().exact() }
}

pub(crate) fn accepts_trailers(headers: &HeaderMap) -> bool {
    headers.get(header::TE).is_some_and(|te| te == "trailers")
}

/// Whether the body is not sent before the server wants it.
pub(crate) fn waits_for_continue(headers: &HeaderMap) -> bool {
    let expected = headers.get(header::EXPECT);
    expected.is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// All headers but those that concern this connection: they are ours to say.
pub(crate) fn passed_on(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let named = named_by_connection(headers);
    headers.iter().filter(move |(name, _)| {
        let is_ours = **name == header::CONTENT_LENGTH || **name == header::EXPECT;
        !(is_ours || is_hop_by_hop(name.as_str()) || named.contains(&name.as_str()))
    })
}

fn write_headers(out: &mut Vec<u8>, headers: &HeaderMap) {
    if !headers.contains_key(header::HOST) {
        out.extend_from_slice(b"host: localhost\r\n");
    }
    for (name, value) in passed_on(headers) {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// Names that `Connection` makes hop-by-hop; most requests have none. Who names `host` wants
/// another request, not another connection.
fn named_by_connection(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(header::CONNECTION).iter();
    let names = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let known = names.filter_map(|name| {
        let name = name.trim();
        let kept = name.eq_ignore_ascii_case("host");
        headers
            .keys()
            .map(http::HeaderName::as_str)
            .find(|it| !kept && it.eq_ignore_ascii_case(name))
    });
    known.collect()
}
