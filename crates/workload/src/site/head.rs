//! The status and headers of a site's answers.

use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::answer::Found;
use crate::body::Body;
use crate::failure::plain;

/// A client may keep a file and must ask before it uses it again: two revisions may answer the
/// same path, and a request that ends in 304 is cheap.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("no-cache");

pub(super) fn not_found() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "there is no such file\n")
}

pub(super) fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A 200 of `length` bytes, which a HEAD names and does not send.
pub(super) fn whole(body: Body, length: u64) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// RFC 9110 §15.5.17.
pub(super) fn unsatisfiable(size: u64) -> Response<Body> {
    let mut response = status(StatusCode::RANGE_NOT_SATISFIABLE);
    insert(&mut response, header::CONTENT_RANGE, format!("bytes */{size}"));
    response
}

/// Adds what every answer about `found` says.
pub(super) fn describe(response: &mut Response<Body>, found: &Found, etag: &HeaderValue) {
    let is_content = response.status().is_success();
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag.clone());
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if found.varies {
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    if !is_content {
        return;
    }
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(found.kind));
    if let Some(coding) = found.coding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
}

/// Sets a header to a text that is known to be one.
pub(super) fn insert(response: &mut Response<Body>, name: HeaderName, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        response.headers_mut().insert(name, value);
    }
}
