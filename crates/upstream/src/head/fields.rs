//! The header fields that decide how an answer is read (RFC 9112 §6).

use http::{HeaderValue, Method, StatusCode, Version};
use ingress::codec::MAX_CONTENT_LENGTH_DIGITS;

use super::{Framing, Violation};

/// What `Connection` may name without effect: without these the answer is another.
const NEVER_NAMED: [&str; 5] =
    ["content-length", "content-type", "content-encoding", "set-cookie", "location"];

/// What the framing fields of one answer say.
#[derive(Default)]
pub(super) struct Fields<'b> {
    length: Option<u64>,
    is_chunked: bool,
    close: bool,
    keep_alive: bool,
    upgrade: Option<&'b [u8]>,
    named: Vec<&'b [u8]>,
}

impl<'b> Fields<'b> {
    pub(super) fn read(lines: &[httparse::Header<'b>]) -> Result<Self, Violation> {
        let mut fields = Self::default();
        for line in lines {
            fields.take(line.name, line.value)?;
        }
        Ok(fields)
    }

    fn take(&mut self, name: &str, value: &'b [u8]) -> Result<(), Violation> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            7 if is("upgrade") => self.upgrade = Some(value),
            10 if is("connection") => {
                for token in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
                    self.connection(token);
                }
            }
            14 if is("content-length") => {
                let length = content_length(value)?;
                if self.length.replace(length).is_some() {
                    return Err(Violation::Length);
                }
            }
            17 if is("transfer-encoding") => {
                let again = std::mem::replace(&mut self.is_chunked, true);
                if again || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Violation::Coding);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn connection(&mut self, token: &'b [u8]) {
        if token.eq_ignore_ascii_case(b"close") {
            self.close = true;
        } else if token.eq_ignore_ascii_case(b"keep-alive") {
            self.keep_alive = true;
        } else if !NEVER_NAMED.iter().any(|kept| token.eq_ignore_ascii_case(kept.as_bytes())) {
            self.named.push(token);
        }
    }

    /// Whether `Connection` names this field.
    pub(super) fn names(&self, name: &str) -> bool {
        self.named.iter().any(|named| named.eq_ignore_ascii_case(name.as_bytes()))
    }

    pub(super) fn keeps_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::HTTP_11 || self.keep_alive)
    }

    pub(super) fn framing(
        &self,
        version: Version,
        status: StatusCode,
        method: &Method,
        offered: Option<&HeaderValue>,
    ) -> Result<Framing, Violation> {
        match (self.length, self.is_chunked) {
            (Some(_), true) => return Err(Violation::LengthAndCoding),
            (None, true) if version != Version::HTTP_11 => return Err(Violation::Coding),
            _ => {}
        }
        if status.is_informational() || status == StatusCode::NO_CONTENT {
            // Some read a body here and some do not (RFC 9112 §6.1, RFC 9110 §8.6).
            if self.is_chunked || self.length.is_some_and(|length| length > 0) {
                return Err(Violation::BodyForbidden);
            }
            return match status {
                StatusCode::SWITCHING_PROTOCOLS => self.tunnel(version, offered),
                _ => Ok(Framing::None),
            };
        }
        if method == Method::HEAD || status == StatusCode::NOT_MODIFIED {
            return Ok(Framing::None);
        }
        Ok(match (self.length, self.is_chunked) {
            (_, true) => Framing::Chunked,
            (Some(0), _) => Framing::None,
            (Some(length), _) => Framing::Length(length),
            (None, false) => Framing::UntilClose,
        })
    }

    /// The server names the protocol that was asked for (RFC 9110 §7.8).
    fn tunnel(
        &self,
        version: Version,
        offered: Option<&HeaderValue>,
    ) -> Result<Framing, Violation> {
        let is_named = self.names("upgrade") && version == Version::HTTP_11;
        let is_offered = match (offered, self.upgrade) {
            (Some(offered), Some(chosen)) => offered.as_bytes().eq_ignore_ascii_case(chosen),
            _ => false,
        };
        if is_named && is_offered { Ok(Framing::Tunnel) } else { Err(Violation::Upgrade) }
    }
}

/// Digits only: no sign, no list, no blanks.
pub(crate) fn content_length(value: &[u8]) -> Result<u64, Violation> {
    let digits = (1..=MAX_CONTENT_LENGTH_DIGITS).contains(&value.len())
        && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| digits);
    text.and_then(|text| text.parse().ok()).ok_or(Violation::Length)
}
