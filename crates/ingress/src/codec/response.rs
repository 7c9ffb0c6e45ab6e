//! Writing the head of an answer, and deciding how its body is framed (RFC 9112 §6.3).

use std::io::Write as _;

use http::header::{CONNECTION, CONTENT_LENGTH, DATE};
use http::{HeaderMap, Method, StatusCode, Version};

use super::HOP_BY_HOP;
use crate::date::HttpDate;
use crate::upgrade::WEBSOCKET;

/// How the body of an answer is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// There is none, and no length is announced, or only that of the body a GET would have had.
    Bodiless(Option<u64>),
    /// Exactly so many bytes.
    Known(u64),
    /// Chunked transfer coding.
    Chunked,
    /// It ends when the connection does (HTTP/1.0).
    UntilClose,
    /// What follows is another protocol's, until the connection ends (101).
    Tunnel,
}

impl Length {
    /// The framing of an answer to `method`, whose body has `hint` bytes when that is known.
    ///
    /// A known size wins over a `content-length` header, except where there is no body to count.
    #[must_use]
    pub fn choose(
        method: &Method,
        version: Version,
        response: (StatusCode, &HeaderMap),
        hint: Option<u64>,
    ) -> Self {
        let (status, headers) = response;
        let declared = declared_length(headers);
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Self::Tunnel;
        }
        if status == StatusCode::NO_CONTENT || status.is_informational() {
            return Self::Bodiless(None);
        }
        if status == StatusCode::NOT_MODIFIED {
            return Self::Bodiless(declared);
        }
        if method == Method::HEAD {
            return Self::Bodiless(declared.or(hint));
        }
        match hint.or(declared) {
            Some(length) => Self::Known(length),
            None if version == Version::HTTP_11 => Self::Chunked,
            None => Self::UntilClose,
        }
    }
}

/// Whether answers to this never carry a body (RFC 9112 §6.3 rule 1).
#[must_use]
pub fn bodiless(method: &Method, status: StatusCode) -> bool {
    method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// The length that the headers of an answer declare, when there is exactly one and it is a number.
#[must_use]
pub fn declared_length(headers: &HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    let text = only.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    text.parse().ok()
}

/// Everything the head of one answer says.
#[derive(Debug)]
pub struct ResponseHead<'a> {
    /// A final status, 200 or above, or 101.
    pub status: StatusCode,
    /// What the service set; hop-by-hop and framing fields among them are dropped.
    pub headers: &'a HeaderMap,
    /// How the body is delimited.
    pub length: Length,
    /// The version of the request.
    pub version: Version,
    /// Whether another request may follow.
    pub keep_alive: bool,
    /// The value of `Date`, used when the service set none.
    pub date: &'a [u8],
}

impl ResponseHead<'_> {
    /// Appends status line, headers and the empty line.
    pub fn write(&self, out: &mut Vec<u8>) {
        status_line(out, self.status);
        let named = named_by_connection(self.headers);
        for (name, value) in self.headers {
            if !is_ours(name.as_str()) && !named.iter().any(|n| n == name.as_str()) {
                line(out, name.as_str(), value.as_bytes());
            }
        }
        if !self.headers.contains_key(DATE) {
            line(out, "date", self.date);
        }
        self.write_framing(out);
        out.extend_from_slice(b"\r\n");
    }

    fn write_framing(&self, out: &mut Vec<u8>) {
        match self.length {
            Length::Known(length) | Length::Bodiless(Some(length)) => {
                out.extend_from_slice(b"content-length: ");
                write_decimal(out, length);
                out.extend_from_slice(b"\r\n");
            }
            Length::Chunked => line(out, "transfer-encoding", b"chunked"),
            Length::Bodiless(None) | Length::UntilClose => {}
            Length::Tunnel => {
                line(out, "connection", b"upgrade");
                return line(out, "upgrade", WEBSOCKET.as_bytes());
            }
        }
        match (self.keep_alive, self.version) {
            (false, _) => line(out, "connection", b"close"),
            (true, Version::HTTP_10) => line(out, "connection", b"keep-alive"),
            (true, _) => {}
        }
    }
}

/// Appends an answer of so many bytes, up to the empty line behind its head, and says where that
/// is. `lines` appends header lines, of which none concerns a connection or the framing, and says
/// whether one of them is a date; if not, `date` is used.
pub fn write_answer(
    out: &mut Vec<u8>,
    status: StatusCode,
    lines: impl FnOnce(&mut Vec<u8>) -> bool,
    length: usize,
    date: impl FnOnce() -> HttpDate,
) -> usize {
    status_line(out, status);
    if !lines(out) {
        line(out, "date", &date());
    }
    out.extend_from_slice(b"content-length: ");
    write_decimal(out, length as u64);
    out.extend_from_slice(b"\r\n");
    out.len()
}

fn status_line(out: &mut Vec<u8>, status: StatusCode) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends `<hex size> CR LF`.
pub fn write_chunk_size(out: &mut Vec<u8>, size: usize) {
    let written = write!(out, "{size:x}\r\n");
    debug_assert!(written.is_ok(), "writing to memory cannot fail");
}

fn write_decimal(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends one header line.
pub fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn is_ours(name: &str) -> bool {
    name == "content-length" || HOP_BY_HOP.contains(&name)
}

/// Lower-case names that `Connection` makes hop-by-hop; most answers have none.
pub(crate) fn named_by_connection(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}
