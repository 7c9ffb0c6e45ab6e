//! The answers that the data plane gives itself, where no workload answers.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::json;
use workload::Body;

/// How long a client should wait before it asks a deployment again that is off the air, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// In the extensions of an answer that the data plane gives itself: what it says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnAnswer(pub(crate) &'static str);

/// A short answer in JSON, or in HTML for those who rather have that.
pub(crate) fn short(
    status: StatusCode,
    kind: &str,
    message: &'static str,
    asked: &HeaderMap,
) -> Response<Body> {
    let (content_type, text) = if wants_html(asked) {
        let title = status.canonical_reason().unwrap_or("");
        let code = status.as_u16();
        let page = format!(
            "<!doctype html><meta charset=utf-8><title>{code} {title}</title>\
             <h1>{code} {title}</h1><p>{message}</p>\n"
        );
        ("text/html; charset=utf-8", page)
    } else {
        let body = json!({"error": {"kind": kind, "message": message}});
        ("application/json", format!("{body}\n"))
    };
    let mut response = Response::new(Body::from(Bytes::from(text)));
    *response.status_mut() = status;
    response.extensions_mut().insert(OwnAnswer(message));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    response
}

/// What an authority is answered that asks whose a name is (RFC 8555 §8.3).
pub(crate) fn challenge(text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(text)));
    let octets = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, octets);
    response
}

fn wants_html(asked: &HeaderMap) -> bool {
    let accept = asked.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let html = accept.find("text/html");
    let json = accept.find("application/json");
    html.is_some_and(|html| json.is_none_or(|json| html < json))
}
