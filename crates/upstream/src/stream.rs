//! Which answers go on for as long as both sides want.

use http::{HeaderMap, StatusCode, header};

/// Whether an answer has no time in which it should be over: another protocol, server-sent events, or
/// the messages of a gRPC call, which has a deadline of its own.
#[must_use]
pub fn is_stream(status: StatusCode, headers: &HeaderMap) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || headers.get(header::CONTENT_TYPE).is_some_and(says)
}

fn says(kind: &http::HeaderValue) -> bool {
    let essence = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let (family, name) = essence.split_once('/').unwrap_or_default();
    let name = name.split_once('+').map_or(name, |(name, _)| name);
    let is = |a: &str, b: &str| family.eq_ignore_ascii_case(a) && name.eq_ignore_ascii_case(b);
    is("text", "event-stream") || is("application", "grpc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_known_by_its_head() {
        let is = |status: u16, kind: &str| {
            let kind = http::HeaderValue::from_str(kind).unwrap();
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]);
            is_stream(StatusCode::from_u16(status).unwrap(), &headers)
        };
        for kind in
            ["text/event-stream", "Text/Event-Stream ; charset=utf-8", "application/grpc+proto"]
        {
            assert!(is(200, kind), "{kind}");
        }
        for kind in ["", "text/plain", "text/event-streams", "application/grpc-web", "text"] {
            assert!(!is(200, kind), "{kind}");
            assert!(is(101, kind), "{kind}");
        }
        assert!(!is_stream(StatusCode::OK, &HeaderMap::new()));
    }
}
