//! The header fields that decide how a message is read (RFC 9110 §7.6.1, RFC 9112 §6).

use http::Version;

use super::{Authority, Reject};
use crate::upgrade::WEBSOCKET;

/// Longest `Content-Length` that is looked at; more digits are refused, whatever they say.
pub const MAX_CONTENT_LENGTH_DIGITS: usize = 19;

/// How long the body of a request is (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// Exactly so many bytes, more than zero.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
}

/// What the framing fields of one head say.
#[derive(Debug)]
pub(super) struct Fields<'b> {
    pub(super) host: Option<Authority<'b>>,
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
    pub(super) accepts_trailers: bool,
    pub(super) offers_websocket: bool,
}

#[derive(Default)]
struct Seen<'b> {
    host: Option<&'b [u8]>,
    length: Option<&'b [u8]>,
    coding: Option<&'b [u8]>,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
    accepts_trailers: bool,
    /// Whether `Connection` names it.
    upgrade: bool,
    upgrades: usize,
    websocket: bool,
}

impl<'b> Seen<'b> {
    fn take(&mut self, name: &str, value: &'b [u8]) -> Result<(), Reject> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            2 if is("te") => self.accepts_trailers |= has_token(value, "trailers"),
            4 if is("host") => once(&mut self.host, value, Reject::HostRepeated)?,
            6 if is("expect") => {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(Reject::Expectation);
                }
                self.expects_continue = true;
            }
            7 if is("upgrade") => {
                self.upgrades += 1;
                self.websocket |= value.eq_ignore_ascii_case(WEBSOCKET.as_bytes());
            }
            10 if is("connection") => {
                self.upgrade |= has_token(value, "upgrade");
                self.close |= has_token(value, "close");
                self.keep_alive |= has_token(value, "keep-alive");
            }
            14 if is("content-length") => once(&mut self.length, value, Reject::LengthRepeated)?,
            17 if is("transfer-encoding") => once(&mut self.coding, value, Reject::CodingInvalid)?,
            _ => {}
        }
        Ok(())
    }

    fn framing(&self, version: Version) -> Result<Framing, Reject> {
        match (self.length, self.coding) {
            (Some(_), Some(_)) => Err(Reject::LengthAndCoding),
            (None, Some(_)) if version != Version::HTTP_11 => Err(Reject::CodingOnOldVersion),
            (None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            (None, Some(b"")) => Err(Reject::CodingInvalid),
            (None, Some(_)) => Err(Reject::CodingUnknown),
            (Some(length), None) => match content_length(length)? {
                0 => Ok(Framing::None),
                length => Ok(Framing::Length(length)),
            },
            (None, None) => Ok(Framing::None),
        }
    }
}

impl<'b> Fields<'b> {
    pub(super) fn read(version: Version, headers: &[httparse::Header<'b>]) -> Result<Self, Reject> {
        let mut seen = Seen::default();
        for header in headers {
            seen.take(header.name, header.value)?;
        }
        let new = version == Version::HTTP_11;
        let framing = seen.framing(version)?;
        let only_websocket = seen.upgrade && seen.websocket && seen.upgrades == 1;
        Ok(Self {
            framing,
            offers_websocket: new && only_websocket && framing == Framing::None,
            host: seen.host.map(Authority::parse).transpose()?,
            keep_alive: !seen.close && (new || seen.keep_alive),
            expects_continue: new && seen.expects_continue,
            accepts_trailers: new && seen.accepts_trailers,
        })
    }
}

fn once<'b>(slot: &mut Option<&'b [u8]>, value: &'b [u8], again: Reject) -> Result<(), Reject> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(again),
    }
}

fn has_token(value: &[u8], token: &str) -> bool {
    value.split(|b| *b == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// Digits only: no sign, no list, no blanks (RFC 9110 §8.6, without its leniency for lists).
fn content_length(value: &[u8]) -> Result<u64, Reject> {
    let digits = (1..=MAX_CONTENT_LENGTH_DIGITS).contains(&value.len())
        && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| digits);
    text.and_then(|text| text.parse().ok()).ok_or(Reject::LengthInvalid)
}
