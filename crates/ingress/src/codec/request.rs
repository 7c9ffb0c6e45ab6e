//! From the view to an [`http::Request`], and what of a head goes on to who answers.

use bytes::Bytes;
use http::header::{EXPECT, HOST, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Uri};

use super::{Framing, Reject, RequestHead};

/// Headers that concern one connection only and are never passed on (RFC 9110 §7.6.1).
pub const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What `Connection` may name without effect: removing these would change who is served, or what.
const NEVER_NAMED: [&str; 7] = [
    "host",
    "content-length",
    "authorization",
    "cookie",
    "forwarded",
    "x-forwarded-for",
    "x-greentic-revision",
];

impl RequestHead<'_> {
    /// The request as a service sees it: origin-form URI, no hop-by-hop headers, `Expect` only
    /// where a body waits for it, `host` normalised. One copy of the head; every value is a slice of it.
    ///
    /// # Errors
    /// [`Reject`] when the http crate refuses what this parser took: not known to happen.
    pub fn to_request<B>(&self, body: B) -> Result<Request<B>, Reject> {
        let shared = Bytes::copy_from_slice(self.raw);
        let mut request = Request::new(body);
        *request.method_mut() =
            Method::from_bytes(self.method.as_bytes()).map_err(|_| Reject::RequestLine)?;
        *request.uri_mut() = self.uri(&shared)?;
        *request.version_mut() = self.version;
        *request.headers_mut() = self.header_map(&shared)?;
        Ok(request)
    }

    fn uri(&self, shared: &Bytes) -> Result<Uri, Reject> {
        use std::borrow::Cow::Borrowed;
        let text = match (&self.target.path, &self.target.query) {
            (Borrowed("/"), None) => Bytes::from_static(b"/"),
            (Borrowed("*"), None) => Bytes::from_static(b"*"),
            (Borrowed(path), None) => self.slice(shared, path.as_bytes()),
            (Borrowed(path), Some(Borrowed(query))) if self.adjacent(path, query) => {
                let start = self.offset(path.as_bytes());
                shared.slice(start..start + path.len() + 1 + query.len())
            }
            _ => self.target.path_and_query().into_owned().into(),
        };
        PathAndQuery::from_maybe_shared::<Bytes>(text).map(Uri::from).map_err(|_| Reject::Target)
    }

    /// Whether there is only one `?` between them in the head.
    fn adjacent(&self, path: &str, query: &str) -> bool {
        path.as_ptr().addr() + path.len() + 1 == query.as_ptr().addr()
    }

    fn slice(&self, shared: &Bytes, part: &[u8]) -> Bytes {
        if part.is_empty() {
            return Bytes::new();
        }
        let start = self.offset(part);
        shared.slice(start..start + part.len())
    }

    /// Name and value of the header lines that go on to who answers: not those that concern this
    /// connection only, nor `host` and `expect`, of which there is more to say.
    pub fn end_to_end(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let named: Vec<&[u8]> = self.named_by_connection().collect();
        self.headers().filter(move |(name, _)| {
            let is_named = || named.iter().any(|n| n.eq_ignore_ascii_case(name.as_bytes()));
            !is_dropped(name) && !is_named()
        })
    }

    fn header_map(&self, shared: &Bytes) -> Result<HeaderMap, Reject> {
        let mut map = HeaderMap::with_capacity(self.headers().len() + 4);
        for (name, value) in self.end_to_end() {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Reject::HeaderName)?;
            let value = HeaderValue::from_maybe_shared(self.slice(shared, value))
                .map_err(|_| Reject::HeaderValue)?;
            map.append(name, value);
        }
        if self.expects_continue && self.framing != Framing::None {
            map.insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
        if let Some(host) = &self.host {
            let host = HeaderValue::from_str(host.as_str()).map_err(|_| Reject::HostInvalid)?;
            map.insert(HOST, host);
        }
        Ok(map)
    }

    fn named_by_connection(&self) -> impl Iterator<Item = &[u8]> {
        self.headers()
            .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
            .flat_map(|(_, value)| value.split(|b| *b == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|named| {
                !NEVER_NAMED.iter().any(|kept| kept.as_bytes().eq_ignore_ascii_case(named))
            })
    }
}

fn is_dropped(name: &str) -> bool {
    // Few names have the lengths of these, and most are told apart by that alone.
    match name.len() {
        4 => name.eq_ignore_ascii_case("host"),
        6 => name.eq_ignore_ascii_case("expect"),
        2 | 7 | 10 | 16 | 17 => HOP_BY_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop)),
        // Said to a proxy, and that is us (RFC 9110 §11.7).
        18 => name.eq_ignore_ascii_case("proxy-authenticate"),
        19 => name.eq_ignore_ascii_case("proxy-authorization"),
        _ => false,
    }
}
