//! Undoing the chunked transfer coding (RFC 9112 §7.1), strictly and within bounds.
//!
//! Chunk extensions are read over and ignored, as §7.1.1 asks, but bounded: one chunk line may
//! have [`MAX_CHUNK_LINE_BYTES`], and all of a body's framing beyond the shortest possible
//! [`MAX_CHUNK_OVERHEAD_BYTES`]. Small chunks that arrive together come out as one piece.

use bytes::BytesMut;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::Reject;

/// Bytes of one chunk line: size and extensions, without CR LF.
pub const MAX_CHUNK_LINE_BYTES: usize = 256;
/// Bytes of extensions over a whole body.
pub const MAX_CHUNK_OVERHEAD_BYTES: usize = 16 * 1024;
/// Hexadecimal digits of one chunk size: what a `u64` holds, leading zeros included.
const MAX_SIZE_DIGITS: usize = 16;
/// Fields that frame, route or authenticate and so mean nothing in a trailer (RFC 9110 §6.5.1).
const NOT_TRAILERS: [&str; 12] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
];

/// Whether a field may stand in a trailer: it neither frames, nor routes, nor authenticates.
#[must_use]
pub fn may_trail(name: &str) -> bool {
    !NOT_TRAILERS.iter().any(|other| name.eq_ignore_ascii_case(other))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    Trailers,
    Done,
}

/// What one call of [`ChunkedDecoder::decode`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// How many bytes of the input were used up.
    pub consumed: usize,
    /// Whether the body is complete, its trailers included.
    pub done: bool,
}

/// A body in the chunked coding, however it is split into reads.
#[derive(Debug)]
pub struct ChunkedDecoder {
    state: State,
    digits: usize,
    line: usize,
    extensions: usize,
    remaining: u64,
    allowed: u64,
    trailers: Vec<u8>,
    trailer_limit: usize,
}

impl ChunkedDecoder {
    /// A decoder that takes at most `body_limit` bytes of data and `trailer_limit` of trailers.
    #[must_use]
    pub const fn new(body_limit: u64, trailer_limit: usize) -> Self {
        Self {
            state: State::Size,
            digits: 0,
            line: 0,
            extensions: 0,
            remaining: 0,
            allowed: body_limit,
            trailers: Vec::new(),
            trailer_limit,
        }
    }

    /// Uses up `input` until it or the body ends; the data is appended to `out`.
    ///
    /// # Errors
    /// [`Reject`]: the coding is broken or over a limit. [`Reject::BodyTooLarge`] comes as soon as
    /// a chunk announces too much, before its data.
    pub fn decode(&mut self, input: &[u8], out: &mut BytesMut) -> Result<Decoded, Reject> {
        let mut at = 0;
        while at < input.len() && self.state != State::Done {
            match self.state {
                State::Data => at += self.data(&input[at..], out),
                State::Trailers => at += self.trailer_bytes(&input[at..])?,
                _ => {
                    self.framing_byte(input[at])?;
                    at += 1;
                }
            }
        }
        Ok(Decoded { consumed: at, done: self.state == State::Done })
    }

    /// The trailers of a complete body, when it had any.
    ///
    /// # Errors
    /// [`Reject::Trailer`] when one is malformed or not allowed in trailers.
    pub fn take_trailers(&mut self) -> Result<Option<HeaderMap>, Reject> {
        if self.trailers.len() <= 2 {
            return Ok(None);
        }
        let bytes = std::mem::take(&mut self.trailers);
        let mut slots = [httparse::EMPTY_HEADER; 64];
        let Ok(httparse::Status::Complete((_, fields))) =
            httparse::parse_headers(&bytes, &mut slots)
        else {
            return Err(Reject::Trailer);
        };
        let mut map = HeaderMap::with_capacity(fields.len());
        for field in fields {
            if !may_trail(field.name) {
                return Err(Reject::Trailer);
            }
            let name = HeaderName::from_bytes(field.name.as_bytes()).or(Err(Reject::Trailer))?;
            let value = HeaderValue::from_bytes(field.value).or(Err(Reject::Trailer))?;
            map.append(name, value);
        }
        Ok(Some(map))
    }

    fn framing_byte(&mut self, byte: u8) -> Result<(), Reject> {
        match (self.state, byte) {
            (State::Size, b'\r') if self.digits > 0 => self.state = State::SizeLineFeed,
            (State::Size, b';') if self.digits > 0 => {
                self.state = State::Extension;
                self.extension_byte()?;
            }
            (State::Size, _) => self.size_digit(byte)?,
            (State::Extension, b'\r') => self.state = State::SizeLineFeed,
            (State::Extension, b'\t' | b' '..=b'~') => self.extension_byte()?,
            (State::Extension, _) => return Err(Reject::ChunkExtension),
            (State::SizeLineFeed, b'\n') => self.start_data()?,
            (State::SizeLineFeed, _) => return Err(Reject::ChunkSize),
            (State::DataReturn, b'\r') => self.state = State::DataLineFeed,
            (State::DataLineFeed, b'\n') => self.state = State::Size,
            _ => return Err(Reject::ChunkEnd),
        }
        Ok(())
    }

    fn size_digit(&mut self, byte: u8) -> Result<(), Reject> {
        let digit = char::from(byte).to_digit(16).ok_or(Reject::ChunkSize)?;
        self.digits += 1;
        self.line += 1;
        if self.digits > MAX_SIZE_DIGITS {
            return Err(Reject::ChunkSize);
        }
        self.remaining = self.remaining << 4 | u64::from(digit);
        Ok(())
    }

    fn extension_byte(&mut self) -> Result<(), Reject> {
        self.line += 1;
        self.extensions += 1;
        if self.line > MAX_CHUNK_LINE_BYTES || self.extensions > MAX_CHUNK_OVERHEAD_BYTES {
            return Err(Reject::ChunkExtension);
        }
        Ok(())
    }

    fn start_data(&mut self) -> Result<(), Reject> {
        self.digits = 0;
        self.line = 0;
        self.allowed = self.allowed.checked_sub(self.remaining).ok_or(Reject::BodyTooLarge)?;
        self.state = if self.remaining == 0 { State::Trailers } else { State::Data };
        Ok(())
    }

    fn data(&mut self, input: &[u8], out: &mut BytesMut) -> usize {
        let length = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(input.len());
        out.extend_from_slice(&input[..length]);
        self.remaining -= length as u64;
        if self.remaining == 0 {
            self.state = State::DataReturn;
        }
        length
    }

    /// Collects up to and including the empty line.
    fn trailer_bytes(&mut self, input: &[u8]) -> Result<usize, Reject> {
        for (index, &byte) in input.iter().enumerate() {
            let before = self.trailers.last().copied();
            if (byte == b'\n') != (before == Some(b'\r')) {
                return Err(Reject::Trailer);
            }
            self.trailers.push(byte);
            if self.trailers.len() > self.trailer_limit {
                return Err(Reject::TrailersTooLarge);
            }
            if self.trailers == b"\r\n" || self.trailers.ends_with(b"\r\n\r\n") {
                self.state = State::Done;
                return Ok(index + 1);
            }
        }
        Ok(input.len())
    }
}
