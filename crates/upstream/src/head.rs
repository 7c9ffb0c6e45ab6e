//! The head of an answer (RFC 9112 §4 and §6): bytes go in, a status, headers and framing come
//! out. No sockets and no clock may enter here.

mod fields;
#[cfg(test)]
mod tests;

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use ingress::codec::HOP_BY_HOP;
use memchr::memchr;

use fields::Fields;

pub(crate) use fields::content_length;

/// The most header lines of an answer.
pub(crate) const MAX_HEADERS: usize = 256;
/// What is between us and a proxy (RFC 9110 §11.7).
pub(crate) const OF_PROXIES: [&str; 2] = ["proxy-authenticate", "proxy-authorization"];

/// How the body of an answer ends (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// Exactly so many bytes, more than zero.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
    /// With the connection.
    UntilClose,
    /// The connection is another protocol's from here on (101).
    Tunnel,
}

/// The head of one answer.
#[derive(Debug)]
pub struct ResponseHead {
    /// 100 to 599.
    pub status: StatusCode,
    /// Without the fields that concern this connection only, but for `upgrade` on a 101.
    pub headers: HeaderMap,
    /// How its body ends.
    pub framing: Framing,
    /// Whether the server keeps the connection (RFC 9112 §9.3).
    pub keep_alive: bool,
}

/// The rule that an answer breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// The status line is none, or not of HTTP/1.
    StatusLine,
    /// A status outside 100 to 599.
    Status,
    /// A line ends without CR.
    BareLineFeed,
    /// A header line that is none: folded, blanks before the colon, forbidden bytes.
    Header,
    /// More than 256 header lines.
    TooManyHeaders,
    /// Status line and headers, or the trailers, are too long.
    HeadTooLarge,
    /// A `Content-Length` that is no number, or a second one.
    Length,
    /// A `Transfer-Encoding` that is not `chunked`, a second one, or one on HTTP/1.0.
    Coding,
    /// `Content-Length` and `Transfer-Encoding` together.
    LengthAndCoding,
    /// A length or coding on an answer that never has a body.
    BodyForbidden,
    /// More interim answers than anybody needs.
    TooManyInterim,
    /// 101 that nobody asked for, or to another protocol.
    Upgrade,
    /// Chunks or trailers that cannot be read.
    Chunks,
    /// Trailers that frame, route or authenticate (HTTP/2).
    Trailers,
    /// Frames that break a rule of HTTP/2, or a head that is too large.
    Http2,
}

impl Violation {
    const fn message(self) -> &'static str {
        match self {
            Self::StatusLine => "its answer does not begin as HTTP/1 does",
            Self::Status => "its status is outside 100 to 599",
            Self::BareLineFeed => "a line of its answer ends without CR",
            Self::Header => "a header line of its answer is malformed",
            Self::TooManyHeaders => "its answer has too many header lines",
            Self::HeadTooLarge => "the head of its answer is too large",
            Self::Length => "the length of its answer is no number, or given twice",
            Self::Coding => "the transfer coding of its answer is not `chunked`",
            Self::LengthAndCoding => "its answer has both a length and a transfer coding",
            Self::BodyForbidden => "its answer announces a body where there is none",
            Self::TooManyInterim => "it sends one interim answer after the other",
            Self::Upgrade => "it switches to a protocol that was not asked for",
            Self::Chunks => "the chunks of its answer cannot be read",
            Self::Trailers => "a trailer of its answer is one that may not be there",
            Self::Http2 => "it breaks a rule of HTTP/2, or the head of its answer is too large",
        }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Violation {}

/// Remembers how far a growing buffer has been looked at for the end of a head.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    at: usize,
    line_start: usize,
}

impl Scan {
    /// The length of the whole head, its empty last line included, or `None` when bytes are
    /// missing. Feed it the same buffer again with more bytes at its end.
    pub(crate) fn advance(
        &mut self,
        buffer: &[u8],
        limit: usize,
    ) -> Result<Option<usize>, Violation> {
        loop {
            let Some(offset) = memchr(b'\n', &buffer[self.at..]) else {
                self.at = buffer.len();
                let fits = buffer.len() <= limit;
                return if fits { Ok(None) } else { Err(Violation::HeadTooLarge) };
            };
            let line_feed = self.at + offset;
            if line_feed == 0 || buffer[line_feed - 1] != b'\r' {
                return Err(Violation::BareLineFeed);
            }
            let is_empty = line_feed == self.line_start + 1;
            self.at = line_feed + 1;
            self.line_start = self.at;
            match is_empty {
                _ if self.at > limit => return Err(Violation::HeadTooLarge),
                // An empty line in front of the status line is nobody's answer.
                true if self.at == 2 => return Err(Violation::StatusLine),
                true => return Ok(Some(self.at)),
                false => {}
            }
        }
    }
}

/// Room for the header lines of one head; lives on the stack of the caller.
pub(crate) type Slots<'b> = [MaybeUninit<httparse::Header<'b>>; MAX_HEADERS];

/// Empty room.
pub(crate) const fn slots<'b>() -> Slots<'b> {
    [const { MaybeUninit::uninit() }; MAX_HEADERS]
}

/// The head of one answer, over the bytes it came in. Nothing is copied.
pub struct HeadView<'b> {
    /// 100 to 599.
    pub status: StatusCode,
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
    lines: &'b [httparse::Header<'b>],
    fields: Fields<'b>,
    raw: &'b [u8],
}

impl<'b> HeadView<'b> {
    /// Reads one complete head, its empty line included: the answer to a request of `method`,
    /// which asked for the protocol `offered`.
    pub(crate) fn parse(
        raw: &'b [u8],
        slots: &'b mut Slots<'b>,
        method: &Method,
        offered: Option<&HeaderValue>,
    ) -> Result<Self, Violation> {
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        match config.parse_response_with_uninit_headers(&mut response, raw, slots) {
            Ok(httparse::Status::Complete(length)) if length == raw.len() => {}
            Ok(_) => return Err(Violation::StatusLine),
            Err(error) => return Err(explain(error)),
        }
        let (Some(code), Some(version)) = (response.code, response.version) else {
            return Err(Violation::StatusLine);
        };
        let version = if version == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
        let known = (100..600).contains(&code);
        let status = StatusCode::from_u16(code).ok().filter(|_| known).ok_or(Violation::Status)?;
        let lines: &'b [httparse::Header<'b>] = response.headers;
        let fields = Fields::read(lines)?;
        let framing = fields.framing(version, status, method, offered)?;
        let keep_alive = fields.keeps_alive(version) && framing != Framing::UntilClose;
        Ok(Self { status, framing, keep_alive, lines, fields, raw })
    }

    /// Name and value of every header line but those that concern this connection; `upgrade` is one
    /// that does not on a 101.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> {
        self.lines.iter().filter(|line| self.is_kept(line)).map(|line| (line.name, line.value))
    }

    /// Appends the same lines as they came, as far as `is_kept` keeps them. Those that follow each
    /// other are copied at once.
    pub fn write_lines(&self, out: &mut Vec<u8>, mut is_kept: impl FnMut(&str) -> bool) {
        let mut run = None;
        for line in self.lines {
            let is_kept = self.is_kept(line) && is_kept(line.name);
            if is_kept != run.is_some() {
                let at = line.name.as_ptr().addr() - self.raw.as_ptr().addr();
                match run.take() {
                    Some(from) => out.extend_from_slice(&self.raw[from..at]),
                    None => run = Some(at),
                }
            }
        }
        if let Some(from) = run {
            // All but the empty line.
            out.extend_from_slice(&self.raw[from..self.raw.len() - 2]);
        }
    }

    fn is_kept(&self, line: &httparse::Header<'_>) -> bool {
        let is_upgrade =
            self.framing == Framing::Tunnel && line.name.eq_ignore_ascii_case("upgrade");
        is_upgrade || !(is_hop_by_hop(line.name) || self.fields.names(line.name))
    }
}

impl ResponseHead {
    /// Reads one complete head, its empty line included: the answer to a request of `method`,
    /// which asked for the protocol `offered`.
    ///
    /// # Errors
    /// [`Violation`]: it breaks a rule, or could be read in two ways.
    pub fn parse(
        raw: &Bytes,
        method: &Method,
        offered: Option<&HeaderValue>,
    ) -> Result<Self, Violation> {
        let mut slots = slots();
        let view = HeadView::parse(raw, &mut slots, method, offered)?;
        let HeadView { status, framing, keep_alive, .. } = view;
        Ok(Self { status, headers: headers(raw, &view)?, framing, keep_alive })
    }
}

/// One copy of the head is shared by all values.
fn headers(raw: &Bytes, view: &HeadView<'_>) -> Result<HeaderMap, Violation> {
    let mut map = HeaderMap::with_capacity(view.lines.len() + 4);
    for (name, value) in view.headers() {
        let name = HeaderName::from_bytes(name.as_bytes()).or(Err(Violation::Header))?;
        let value = if value.is_empty() { Bytes::new() } else { raw.slice_ref(value) };
        let value = HeaderValue::from_maybe_shared(value).or(Err(Violation::Header))?;
        map.append(name, value);
    }
    Ok(map)
}

/// Those of requests, and those of proxies.
pub(crate) fn is_hop_by_hop(name: &str) -> bool {
    // Few names have the lengths of these, and most are told apart by that alone.
    match name.len() {
        2 | 7 | 10 | 16 | 17 => HOP_BY_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop)),
        18 | 19 => OF_PROXIES.iter().any(|theirs| name.eq_ignore_ascii_case(theirs)),
        _ => false,
    }
}

const fn explain(error: httparse::Error) -> Violation {
    match error {
        httparse::Error::TooManyHeaders => Violation::TooManyHeaders,
        httparse::Error::HeaderName | httparse::Error::HeaderValue => Violation::Header,
        httparse::Error::NewLine => Violation::BareLineFeed,
        httparse::Error::Status => Violation::Status,
        _ => Violation::StatusLine,
    }
}
