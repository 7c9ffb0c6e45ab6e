//! From the path of a request to the path of a file, strictly.

use percent_encoding::percent_decode_str;

/// Why a path names no file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PathError {
    /// Two parsers could read it differently, or it tries to leave the folder: 400.
    Bad,
    /// It is well-formed and names nothing: 404.
    Nothing,
}

/// A path below the pack's folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SitePath {
    /// Relative, with no leading or trailing `/`; empty for the folder itself.
    pub(super) inner: String,
    /// Whether the request's path ends in `/`.
    pub(super) is_directory: bool,
}

/// Decodes `path`, which begins with `/`. Escapes must be whole (RFC 3986 §2.1) and spell UTF-8;
/// escaped slashes, backslashes and NUL, and dot segments in any spelling are refused.
pub(super) fn parse(path: &str) -> Result<SitePath, PathError> {
    let rest = path.strip_prefix('/').ok_or(PathError::Bad)?;
    let (rest, is_directory) = match rest.strip_suffix('/') {
        Some(rest) => (rest, true),
        None => (rest, rest.is_empty()),
    };
    if rest.is_empty() {
        return if path.len() > 1 { Err(PathError::Nothing) } else { Ok(root()) };
    }
    let mut inner = String::with_capacity(rest.len());
    for segment in rest.split('/') {
        if !inner.is_empty() {
            inner.push('/');
        }
        inner.push_str(&decode(segment)?);
    }
    Ok(SitePath { inner, is_directory })
}

const fn root() -> SitePath {
    SitePath { inner: String::new(), is_directory: true }
}

fn decode(segment: &str) -> Result<std::borrow::Cow<'_, str>, PathError> {
    let mut escapes = segment.split('%');
    escapes.next();
    let is_hex = |at: &str, i: usize| at.as_bytes().get(i).is_some_and(u8::is_ascii_hexdigit);
    if !escapes.all(|at| is_hex(at, 0) && is_hex(at, 1)) {
        return Err(PathError::Bad);
    }
    let decoded = percent_decode_str(segment).decode_utf8().map_err(|_| PathError::Bad)?;
    match &*decoded {
        "." | ".." => Err(PathError::Bad),
        text if text.contains(['/', '\\', '\0']) => Err(PathError::Bad),
        "" => Err(PathError::Nothing),
        _ => Ok(decoded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_once() {
        for (path, inner, is_directory) in [
            ("/", "", true),
            ("/a", "a", false),
            ("/a/", "a", true),
            ("/a/b.txt", "a/b.txt", false),
            ("/%61%20b", "a b", false),
            ("/%C3%A9", "é", false),
            ("/%2561", "%61", false),
            ("/.well-known/x", ".well-known/x", false),
            ("/...", "...", false),
        ] {
            let expected = SitePath { inner: inner.to_owned(), is_directory };
            assert_eq!(parse(path), Ok(expected), "{path}");
        }
    }

    #[test]
    fn what_could_be_read_differently_is_refused() {
        for path in [
            "",
            "*",
            "a",
            "/%",
            "/%2",
            "/%zz",
            "/a%",
            "/a%4",
            "/%2e",
            "/%2E%2e/x",
            "/.",
            "/..",
            "/../x",
            "/a/../b",
            "/a/./b",
            "/%2fa",
            "/a%5cb",
            "/a\\b",
            "/%00",
            "/a%00.txt",
            "/%ff",
        ] {
            assert_eq!(parse(path), Err(PathError::Bad), "{path}");
        }
        for path in ["//", "//a", "/a//b", "/a//"] {
            assert_eq!(parse(path), Err(PathError::Nothing), "{path}");
        }
    }
}
