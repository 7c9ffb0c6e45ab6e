//! The host a request is for (RFC 9110 §7.2), stricter than the grammar: a DNS name or an IP
//! address, with an optional port. Lower-cased, without trailing dot, addresses in canonical form.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::Reject;

/// The longest name, as in DNS (RFC 1035 §2.3.4).
const MAX_NAME_BYTES: usize = 253;

/// A checked and normalised `host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority<'b> {
    text: Cow<'b, str>,
    name_bytes: usize,
}

impl<'b> Authority<'b> {
    /// Checks and normalises `host[:port]`.
    ///
    /// # Errors
    /// [`Reject::HostInvalid`]: empty, an empty label, a character outside letters, digits, `-`,
    /// `_` and `.`, a bad bracketed address, or a port that is not 1 to 5 digits below 65 536.
    pub fn parse(text: &'b [u8]) -> Result<Self, Reject> {
        let is_usual = is_usual(text);
        let text = std::str::from_utf8(text).map_err(|_| Reject::HostInvalid)?;
        if is_usual {
            return Ok(Self { text: Cow::Borrowed(text), name_bytes: text.len() });
        }
        let (name, port) = split_port(text)?;
        if name.starts_with('[') {
            return address(name, port).ok_or(Reject::HostInvalid);
        }
        let dotless = name.strip_suffix('.').unwrap_or(name);
        if !is_name(dotless) {
            return Err(Reject::HostInvalid);
        }
        let as_is = dotless.len() == name.len() && !name.bytes().any(|b| b.is_ascii_uppercase());
        let text = if as_is {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(join(&dotless.to_ascii_lowercase(), port))
        };
        Ok(Self { text, name_bytes: dotless.len() })
    }

    /// `host` or `host:port`, normalised.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host without its port.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.text[..self.name_bytes]
    }

    /// The port, when there is one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.text[self.name_bytes..].strip_prefix(':')?.parse().ok()
    }

    /// Whether both name the same server, a missing port meaning `default_port`.
    #[must_use]
    pub fn same_server(&self, other: &Authority<'_>, default_port: u16) -> bool {
        self.name() == other.name()
            && self.port().unwrap_or(default_port) == other.port().unwrap_or(default_port)
    }
}

/// Whether it is a name as most are written: in normal form already, and without a port.
fn is_usual(text: &[u8]) -> bool {
    let mut before = b'.';
    for &byte in text {
        let is_usual = match byte {
            b'.' => before != b'.',
            _ => matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'),
        };
        if !is_usual {
            return false;
        }
        before = byte;
    }
    before != b'.' && text.len() <= MAX_NAME_BYTES
}

fn join(name: &str, port: Option<&str>) -> String {
    match port {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    }
}

fn split_port(text: &str) -> Result<(&str, Option<&str>), Reject> {
    let after_address = text.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = text[after_address..].find(':') else { return Ok((text, None)) };
    let (name, port) = text.split_at(after_address + colon);
    let port = &port[1..];
    let digits = (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    if digits && port.parse::<u16>().is_ok() {
        Ok((name, Some(port)))
    } else {
        Err(Reject::HostInvalid)
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

fn address<'b>(name: &str, port: Option<&str>) -> Option<Authority<'b>> {
    let inside = name.strip_prefix('[')?.strip_suffix(']')?;
    let address: Ipv6Addr = inside.parse().ok()?;
    let name = format!("[{address}]");
    Some(Authority { name_bytes: name.len(), text: Cow::Owned(join(&name, port)) })
}
