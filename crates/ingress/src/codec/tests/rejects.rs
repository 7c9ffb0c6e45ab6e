//! Every reason to refuse has bytes that bring it about.

use super::{BODY_LIMIT, LIMITS, Reject, TRAILER_LIMIT, Verdict, read};

/// Bytes that are refused for this reason, and for no other; none for what only a server can find.
/// A new reason does not compile without a line here.
fn example(reject: Reject) -> Option<Vec<u8>> {
    let get = |lines: &str| format!("GET / HTTP/1.1\r\n{lines}\r\n");
    let to = |target: &str| format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
    let with = |lines: &str| format!("POST / HTTP/1.1\r\nhost: x\r\n{lines}\r\n");
    let chunked = |body: &str| with("transfer-encoding: chunked\r\n") + body;
    let text = match reject {
        Reject::NotHttp => "\x16\x03\x01".to_owned(),
        Reject::BareLineFeed => "GET / HTTP/1.1\n".to_owned(),
        Reject::BlankLines => "\r\n\r\n".to_owned(),
        Reject::RequestLine => "GET /\r\nhost: x\r\n\r\n".to_owned(),
        Reject::HeaderName => get("host : x\r\n"),
        Reject::HeaderValue => get("host: x\r\na: b\rc\r\n"),
        Reject::HeadTooLarge => get(&format!("a: {}\r\n", "b".repeat(LIMITS.head_bytes))),
        Reject::TooManyHeaders => get(&"a: b\r\n".repeat(LIMITS.headers + 1)),
        Reject::Version => "GET / HTTP/2.0\r\nhost: x\r\n\r\n".to_owned(),
        Reject::TargetTooLong => to(&format!("/{}", "a".repeat(LIMITS.target_bytes))),
        Reject::Target => to("ftp://x/"),
        Reject::TargetBytes => to("/a#b"),
        Reject::UserInfo => to("http://me@x/"),
        Reject::Path => to("/%2f"),
        Reject::Asterisk => to("*"),
        Reject::Connect => "CONNECT x:1 HTTP/1.1\r\nhost: x:1\r\n\r\n".to_owned(),
        Reject::HostMissing => get(""),
        Reject::HostRepeated => get("host: x\r\nhost: x\r\n"),
        Reject::HostInvalid => get("host: a b\r\n"),
        Reject::HostDiffers => to("http://y/"),
        Reject::LengthAndCoding => with("content-length: 1\r\ntransfer-encoding: chunked\r\n"),
        Reject::LengthRepeated => with("content-length: 1\r\ncontent-length: 1\r\n"),
        Reject::LengthInvalid => with("content-length: 1, 1\r\n"),
        Reject::CodingOnOldVersion => {
            "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n".to_owned()
        }
        Reject::CodingInvalid => with("transfer-encoding:\r\n"),
        Reject::CodingUnknown => with("transfer-encoding: gzip\r\n"),
        Reject::BodyTooLarge => chunked(&format!("{:x}\r\n", BODY_LIMIT + 1)),
        Reject::ChunkSize => chunked("g\r\n"),
        Reject::ChunkExtension => chunked("1;\n"),
        Reject::ChunkEnd => chunked("1\r\nab"),
        Reject::Trailer => chunked("0\r\nhost: y\r\n\r\n"),
        Reject::TrailersTooLarge => chunked(&format!("0\r\na: {}", "b".repeat(TRAILER_LIMIT))),
        Reject::Expectation => with("expect: more\r\n"),
        // These need a clock or a service: `tests/ingress/refuse.rs` and `exchange.rs`.
        Reject::HeadTimeout
        | Reject::BodyTimeout
        | Reject::TooManyConnections
        | Reject::Misdirected
        | Reject::ServiceFailed => return None,
    };
    Some(text.into_bytes())
}

#[test]
fn every_reason_to_refuse_can_be_brought_about() {
    let mut shown = 0;
    for reject in Reject::ALL {
        if let Some(bytes) = example(*reject) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(read(&bytes, &[]), Verdict::Refused(*reject), "{text:?}");
            shown += 1;
        }
    }
    assert_eq!(shown, Reject::ALL.len() - 5);
}
