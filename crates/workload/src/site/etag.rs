//! Entity tags and the conditions on them (RFC 9110 §8.8.3 and §13).

use deploy_spec::Digest;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// A strong tag from a digest: half of it, 128 bits.
pub(super) fn of(digest: &Digest) -> HeaderValue {
    HeaderValue::try_from(format!("\"{}\"", &digest.hex()[..32]))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// What the conditions of a GET or HEAD say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send it.
    Send,
    /// The client has it: 304.
    NotModified,
    /// The client wants another one: 412.
    Failed,
}

/// Evaluates `If-Match` and `If-None-Match`, in this order (RFC 9110 §13.2.2). Dates are not
/// looked at: a bundle's files have none.
pub(super) fn evaluate(headers: &HeaderMap, etag: &HeaderValue) -> Verdict {
    if headers.contains_key(header::IF_MATCH) && !names(headers, header::IF_MATCH, etag, strong) {
        return Verdict::Failed;
    }
    if names(headers, header::IF_NONE_MATCH, etag, weak) {
        return Verdict::NotModified;
    }
    Verdict::Send
}

/// Whether `If-Range` lets a range be sent (RFC 9110 §13.1.5): it is absent, or this very tag.
pub(super) fn allows_range(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get(header::IF_RANGE).is_none_or(|value| value == etag)
}

fn names(headers: &HeaderMap, name: HeaderName, etag: &HeaderValue, same: Same) -> bool {
    let etag = etag.to_str().unwrap_or_default();
    // Our tags hold no commas, so that splitting at commas cannot cut one of ours in two.
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(',').map(str::trim))
        .any(|item| item == "*" || same(item, etag))
}

type Same = fn(&str, &str) -> bool;

fn strong(item: &str, etag: &str) -> bool {
    item == etag
}

fn weak(item: &str, etag: &str) -> bool {
    item.strip_prefix("W/").unwrap_or(item) == etag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn tags_are_quoted_and_strong() {
        assert_eq!(of(&Digest::of(b"")), "\"e3b0c44298fc1c149afbf4c8996fb924\"");
    }

    #[test]
    fn conditions_follow_the_rfc() {
        let tag = HeaderValue::from_static("\"a\"");
        for (value, verdict) in [
            ("\"a\"", Verdict::NotModified),
            ("W/\"a\"", Verdict::NotModified),
            ("\"b\", \"a\"", Verdict::NotModified),
            ("*", Verdict::NotModified),
            ("\"b\"", Verdict::Send),
            ("a", Verdict::Send),
            ("", Verdict::Send),
        ] {
            assert_eq!(evaluate(&headers(header::IF_NONE_MATCH, value), &tag), verdict, "{value}");
        }
        for (value, verdict) in [
            ("\"a\"", Verdict::Send),
            ("\"b\",\"a\"", Verdict::Send),
            ("*", Verdict::Send),
            ("W/\"a\"", Verdict::Failed),
            ("\"b\"", Verdict::Failed),
        ] {
            assert_eq!(evaluate(&headers(header::IF_MATCH, value), &tag), verdict, "{value}");
        }
        for (value, allowed) in [("\"a\"", true), ("W/\"a\"", false), ("\"b\"", false)] {
            assert_eq!(allows_range(&headers(header::IF_RANGE, value), &tag), allowed, "{value}");
        }
        assert!(allows_range(&HeaderMap::new(), &tag));
    }
}
