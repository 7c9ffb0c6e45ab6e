//! Headers that belong to one connection, and go no further (RFC 9110 §7.6.1).

use http::{HeaderMap, HeaderName, header};

const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Removes them, and what `Connection` names besides.
pub(crate) fn strip(headers: &mut HeaderMap) {
    while let Some(named) = headers.remove(header::CONNECTION) {
        let names = named.to_str().unwrap_or_default().split(',').map(str::trim);
        // Whoever names these wants another request or no host, not another connection.
        for name in names.filter(|name| !is_kept(name)) {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

fn is_kept(name: &str) -> bool {
    let kept = [header::HOST, header::CONTENT_LENGTH];
    kept.iter().any(|kept| name.eq_ignore_ascii_case(kept.as_str()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_belongs_to_the_connection_goes_and_the_rest_stays() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-private, close"),
            ("connection", "X-Other, host, content-length, \u{e9}"),
            ("x-private", "1"),
            ("x-other", "2"),
            ("host", "a.test"),
            ("content-length", "3"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "websocket"),
            ("x-kept", "4"),
        ] {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        strip(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "host", "x-kept", "x-other"]);
    }
}
