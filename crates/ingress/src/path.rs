//! One spelling for every path, so that the route that was matched is the path that is served.
//!
//! 1. Escapes of unreserved characters are decoded (`%7e` → `~`); all others keep their escape, in
//!    upper case. Characters that a path may not hold raw (RFC 3986 §3.3) get one.
//! 2. Empty segments are removed (`//` → `/`).
//! 3. Dot segments are removed (RFC 3986 §5.2.4), decoded ones too; what climbs above the root
//!    stays at the root.
//! 4. Refused: a broken escape, `\`, and the escapes `%2F`, `%5C` and `%00`, which servers read
//!    differently.
//!
//! The query is not part of the path and keeps its bytes. Pure: nothing else may enter here.

use std::borrow::Cow;

/// A path that is refused, because two servers would read it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ambiguous;

impl std::fmt::Display for Ambiguous {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the path has a broken or ambiguous escape, or a backslash")
    }
}

impl std::error::Error for Ambiguous {}

/// The one spelling of `path` (without query). An empty path is `/`.
///
/// Idempotent; the result starts with `/` and holds neither `//` nor a `.` or `..` segment. Costs
/// no allocation when `path` is already in that form.
///
/// # Errors
/// [`Ambiguous`], see rule 4.
pub fn normalise(path: &str) -> Result<Cow<'_, str>, Ambiguous> {
    if is_normal(path.as_bytes()) {
        return Ok(Cow::Borrowed(path));
    }
    let decoded = canonical_escapes(path.as_bytes())?;
    Ok(Cow::Owned(remove_segments(&decoded)))
}

/// Percent-encodes what a query may not hold raw; everything else stays as it is.
pub(crate) fn escape_query(query: &str) -> Cow<'_, str> {
    let raw = |b: u8| matches!(b, b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'\\' | b'^' | b'|');
    if !query.bytes().any(raw) {
        return Cow::Borrowed(query);
    }
    let mut out = String::with_capacity(query.len() + 8);
    for byte in query.bytes() {
        if raw(byte) { push_escape(&mut out, byte) } else { out.push(char::from(byte)) }
    }
    Cow::Owned(out)
}

/// Nothing to decode, encode, collapse or refuse. A segment that starts with a dot takes the
/// slow way.
fn is_normal(path: &[u8]) -> bool {
    let mut after_slash = false;
    for &byte in path {
        if after_slash && matches!(byte, b'/' | b'.') || !is_plain(byte) {
            return false;
        }
        after_slash = byte == b'/';
    }
    path.first() == Some(&b'/')
}

/// `pchar` without escapes, and `/` (RFC 3986 §3.3).
const fn is_plain(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'@'
                | b'/'
        )
}

/// RFC 3986 §2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn canonical_escapes(path: &[u8]) -> Result<String, Ambiguous> {
    let mut out = String::with_capacity(path.len() + 8);
    let mut rest = path.iter();
    while let Some(&byte) = rest.next() {
        match byte {
            b'\\' => return Err(Ambiguous),
            b'%' => {
                let high = rest.next().and_then(hex).ok_or(Ambiguous)?;
                let low = rest.next().and_then(hex).ok_or(Ambiguous)?;
                match high << 4 | low {
                    b'/' | b'\\' | 0 => return Err(Ambiguous),
                    byte if is_unreserved(byte) => out.push(char::from(byte)),
                    byte => push_escape(&mut out, byte),
                }
            }
            _ if is_plain(byte) => out.push(char::from(byte)),
            _ => push_escape(&mut out, byte),
        }
    }
    Ok(out)
}

fn remove_segments(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 1);
    let mut is_directory = true;
    for segment in path.split('/') {
        is_directory = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => out.truncate(out.rfind('/').unwrap_or(0)),
            _ => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
    if is_directory {
        out.push('/');
    }
    out
}

fn hex(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn push_escape(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
}

#[cfg(test)]
mod tests;
