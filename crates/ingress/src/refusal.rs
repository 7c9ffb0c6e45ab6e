//! The answer to a request that is refused before a service sees it.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode, Version};

use crate::codec::{Length, Reject, ResponseHead};
use crate::date;

/// Head and body of the answer; the connection closes behind it. `head` is as much of the request
/// as is known, be it only the method: HEAD gets no body.
pub(crate) fn answer(reject: Reject, head: &[u8]) -> Vec<u8> {
    let Page { status, content_type, body } = Page::new(reject, looks_like_html(head));
    let mut headers = HeaderMap::with_capacity(1);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let mut out = Vec::with_capacity(256 + body.len());
    let answer = ResponseHead {
        status,
        headers: &headers,
        length: Length::Known(body.len() as u64),
        version: Version::HTTP_11,
        keep_alive: false,
        date: &date::now(),
    };
    answer.write(&mut out);
    if head.split(|b| *b == b' ').next() != Some(b"HEAD") {
        out.extend_from_slice(body.as_bytes());
    }
    out
}

/// What is answered, in the form that the client reads.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn new(reject: Reject, html: bool) -> Self {
        let status = reject.status();
        let message = reject.message();
        if html {
            let title = status.canonical_reason().unwrap_or_default();
            let body =
                format!("<!doctype html><title>{title}</title><h1>{title}</h1><p>{message}</p>\n");
            return Self { status, content_type: "text/html; charset=utf-8", body };
        }
        let kind = reject.kind();
        let body = format!("{{\"error\":{{\"kind\":\"{kind}\",\"message\":\"{message}\"}}}}\n");
        Self { status, content_type: "application/json", body }
    }
}

/// Whether a client would rather read HTML than JSON.
pub(crate) fn prefers_html(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| names_html(value.as_bytes()))
}

fn names_html(value: &[u8]) -> bool {
    value.windows(9).any(|part| part == b"text/html")
}

/// The same of a head that may be broken, so this is a look, not a parse.
fn looks_like_html(head: &[u8]) -> bool {
    head.split(|b| *b == b'\n').any(|line| {
        let name = ACCEPT.as_str().as_bytes();
        let is_accept = line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name);
        is_accept && line[name.len()] == b':' && names_html(line)
    })
}

#[cfg(test)]
mod tests {
    use super::answer;
    use crate::codec::Reject;

    #[test]
    fn every_refusal_is_well_formed_json_or_html() {
        for reject in Reject::ALL {
            let text = String::from_utf8(answer(*reject, b"")).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {}", reject.status().as_u16())), "{head}");
            assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
            let json: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(json["error"]["message"], reject.message());
        }
        let html = answer(Reject::HostMissing, b"GET / HTTP/1.1\r\nAccept: text/html\r\n");
        assert!(String::from_utf8(html).unwrap().contains("<h1>"));
    }

    #[test]
    fn a_refused_head_gets_no_body() {
        for head in [&b"HEAD"[..], b"HEAD / HTTP/1.1\r\n\r\n"] {
            let text = String::from_utf8(answer(Reject::HostMissing, head)).unwrap();
            assert!(text.contains("content-length: ") && text.ends_with("\r\n\r\n"), "{text}");
        }
    }
}
