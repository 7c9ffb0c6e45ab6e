//! What is asked of an answer of HTTP/2 besides what the library asks: the same as of HTTP/1.1.
//!
//! The library refuses upper-case names, pseudo headers that are unknown, repeated, missing or in
//! the wrong place, the headers of a connection, lengths that disagree, and a body that is not as
//! long as it said. Pseudo headers of a request it drops unseen.

use h2::Reason;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode, Version};
use ingress::codec::{HOP_BY_HOP, bodiless, may_trail};

use crate::error::Error;
use crate::head::{MAX_HEADERS, OF_PROXIES, Violation, content_length};

/// Checks an answer to a request of `method`, and takes away what concerns this connection only:
/// the answer, and the length of its body where that is known.
pub(super) fn read<B>(
    mut answer: Response<B>,
    method: &Method,
) -> Result<(Response<B>, Option<u64>), Violation> {
    let status = answer.status();
    if status.as_u16() >= 600 {
        return Err(Violation::Status);
    }
    let headers = answer.headers_mut();
    if headers.len() > MAX_HEADERS {
        return Err(Violation::TooManyHeaders);
    }
    if headers.values().any(has_blanks_around) {
        return Err(Violation::Header);
    }
    let mut length = length(headers)?;
    if status == StatusCode::NO_CONTENT && length.is_some_and(|length| length > 0) {
        return Err(Violation::BodyForbidden);
    }
    if bodiless(method, status) {
        length = Some(0);
    }
    for name in HOP_BY_HOP.iter().chain(&OF_PROXIES) {
        headers.remove(*name);
    }
    *answer.version_mut() = Version::HTTP_11;
    Ok((answer, length))
}

/// RFC 9113 §8.2.1: written to a connection of HTTP/1.1, these would be lost.
fn has_blanks_around(value: &HeaderValue) -> bool {
    let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    blank(value.as_bytes().first()) || blank(value.as_bytes().last())
}

fn length(headers: &HeaderMap) -> Result<Option<u64>, Violation> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next().map(|length| content_length(length.as_bytes())).transpose()?;
    if lengths.next().is_some() { Err(Violation::Length) } else { Ok(length) }
}

/// The trailers, if all of them may be there.
pub(super) fn trailers(trailers: HeaderMap) -> Result<HeaderMap, Violation> {
    let are_allowed = trailers.keys().all(|name| may_trail(name.as_str()))
        && !trailers.values().any(has_blanks_around);
    if are_allowed { Ok(trailers) } else { Err(Violation::Trailers) }
}

/// What became of a stream, or of a whole connection.
pub(super) fn failure(error: &h2::Error) -> Error {
    match error.reason() {
        Some(_) if error.is_library() => Error::Violation(Violation::Http2),
        Some(reason) if error.is_reset() && reason != Reason::NO_ERROR => Error::Reset(reason),
        _ => Error::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, method: &Method, lines: &[(&'static str, &'static str)]) -> String {
        let mut answer = Response::builder().status(status);
        for (name, value) in lines {
            answer = answer.header(*name, *value);
        }
        match read(answer.body(()).unwrap(), method) {
            Ok((answer, length)) => {
                let names = answer.headers().keys().map(http::HeaderName::as_str);
                format!("{length:?} {}", names.collect::<Vec<_>>().join(","))
            }
            Err(violation) => format!("{violation:?}"),
        }
    }

    #[test]
    fn an_answer_is_read_as_strictly_as_one_of_http_1() {
        let length = ("content-length", "5");
        for (status, method, lines, expected) in [
            (200, Method::GET, &[length, ("x", "1")][..], "Some(5) content-length,x"),
            (200, Method::GET, &[("x", "1")], "None x"),
            (200, Method::HEAD, &[length], "Some(0) content-length"),
            (304, Method::GET, &[length], "Some(0) content-length"),
            (204, Method::GET, &[], "Some(0) "),
            (204, Method::GET, &[length], "BodyForbidden"),
            (200, Method::GET, &[length, length], "Length"),
            (200, Method::GET, &[("content-length", "+5")], "Length"),
            (200, Method::GET, &[("x", " 1")], "Header"),
            (200, Method::GET, &[("x", "1\t")], "Header"),
            (600, Method::GET, &[], "Status"),
            (200, Method::GET, &[("proxy-authenticate", "Basic"), ("te", "trailers")], "None "),
        ] {
            assert_eq!(check(status, &method, lines), expected, "{status} {lines:?}");
        }
        assert_eq!(check(200, &Method::GET, &[("x", "1"); 257]), "TooManyHeaders");
    }

    #[test]
    fn trailers_neither_frame_nor_route() {
        for (name, is_allowed) in
            [("grpc-status", true), ("content-length", false), ("host", false)]
        {
            let mut map = HeaderMap::new();
            map.insert(name, HeaderValue::from_static("0"));
            assert_eq!(trailers(map).is_ok(), is_allowed, "{name}");
        }
    }
}
