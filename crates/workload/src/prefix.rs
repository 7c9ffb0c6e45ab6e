//! Moving a pack's public path from the request's path to `x-forwarded-prefix`.

use deploy_spec::PathPrefix;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

/// What has been removed from the front of the request's path, as the client saw it.
pub(crate) const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Removes `prefix`, which covers the path, from `uri`.
pub(crate) fn strip(uri: &mut Uri, prefix: &PathPrefix) {
    if prefix.is_root() {
        return;
    }
    let Some(rest) = prefix.rest(uri.path()) else { return };
    let text = match uri.query() {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    };
    let mut parts = std::mem::take(uri).into_parts();
    // A suffix of a path that was a path, beginning with `/`, is one.
    parts.path_and_query = PathAndQuery::from_maybe_shared(text).ok();
    *uri = Uri::from_parts(parts).unwrap_or_default();
}

/// Adds `prefix` to the end of `x-forwarded-prefix`.
pub(crate) fn extend(headers: &mut HeaderMap, prefix: &PathPrefix) {
    if prefix.is_root() {
        return;
    }
    let value = format!("{}{prefix}", removed(headers));
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(FORWARDED_PREFIX, value);
    }
}

/// What has been removed so far: empty, or like `/shop` with no trailing `/`.
pub(crate) fn removed(headers: &HeaderMap) -> &str {
    let value = headers.get(FORWARDED_PREFIX).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_moves_from_the_path_to_the_header() {
        let prefix: PathPrefix = "/api/v1".parse().unwrap();
        for (before, after) in [
            ("/api/v1/x?a=/api/v1", "/x?a=/api/v1"),
            ("/api/v1", "/"),
            ("/api/v1?q", "/?q"),
            ("http://host/api/v1/y", "http://host/y"),
        ] {
            let mut uri: Uri = before.parse().unwrap();
            strip(&mut uri, &prefix);
            assert_eq!(uri, after);
        }
        let mut headers = HeaderMap::new();
        extend(&mut headers, &prefix);
        assert_eq!(headers[FORWARDED_PREFIX], "/api/v1");
        headers.insert(FORWARDED_PREFIX, HeaderValue::from_static("/shop/"));
        extend(&mut headers, &prefix);
        assert_eq!(headers[FORWARDED_PREFIX], "/shop/api/v1");
    }
}
