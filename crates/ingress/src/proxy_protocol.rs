//! The PROXY protocol, versions 1 and 2 (HAProxy, `proxy-protocol.txt`): a header before the first
//! byte of a connection, by which a proxy says who its client is. No sockets here.
//!
//! Stricter than the text where it leaves room: one space between words, ports without signs or
//! leading zeros, no datagrams, at most 4 kB. Additional fields of version 2 must be well-formed;
//! what they say, a checksum among it, is not looked at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// What version 2 begins with (§2.2).
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Bytes of a header of version 1, at most (§2.1).
const LONGEST_LINE: usize = 107;
/// Bytes of a header, at least: `PROXY UNKNOWN` CR LF.
const SHORTEST: usize = 15;
/// Bytes before the addresses of version 2.
const FIXED: usize = 16;
/// Bytes of addresses and fields of version 2, at most.
const LONGEST_REST: usize = 4096;
/// Bytes of the addresses of two Unix sockets.
const UNIX_ADDRESSES: usize = 216;

/// A connection as its proxy saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proxied {
    /// Who connected to the proxy.
    pub source: SocketAddr,
    /// The address of the proxy that they connected to.
    pub destination: SocketAddr,
}

/// What the bytes so far say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// They are the beginning of a header, of which at least so many bytes are missing.
    More(usize),
    /// They are a header, with addresses or without: then the connection is the proxy's own, or it
    /// does not know.
    Whole(Option<Proxied>),
}

/// What is no header of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection does not begin with a header of the PROXY protocol")
    }
}

impl std::error::Error for Malformed {}

/// Reads a header. Who reads only as much as is missing each time never reads behind it.
///
/// # Errors
/// [`Malformed`].
pub fn read(bytes: &[u8]) -> Result<Progress, Malformed> {
    if bytes.len() < SHORTEST {
        return Ok(Progress::More(SHORTEST - bytes.len()));
    }
    if bytes.starts_with(SIGNATURE) { binary(bytes) } else { line(bytes) }
}

fn line(bytes: &[u8]) -> Result<Progress, Malformed> {
    let words = bytes.strip_prefix(b"PROXY ").ok_or(Malformed)?;
    let is_known = !words.starts_with(b"UNKNOWN");
    if let Some(end) = memchr::memchr(b'\n', bytes) {
        let line = bytes.strip_suffix(b"\r\n").ok_or(Malformed)?;
        if end + 1 != bytes.len() || line.contains(&b'\r') {
            return Err(Malformed);
        }
        return if is_known {
            addresses(&line[6..]).map(Progress::Whole)
        } else {
            unknown(&line[6..])
        };
    }
    // Each word that is missing is a space and a byte at least.
    let missing =
        if is_known { 4_usize.saturating_sub(memchr::memchr_iter(b' ', words).count()) } else { 0 };
    let end = if bytes.ends_with(b"\r") { 1 } else { 2 };
    let more = 2 * missing + end;
    if bytes.len() + more > LONGEST_LINE { Err(Malformed) } else { Ok(Progress::More(more)) }
}

fn unknown(words: &[u8]) -> Result<Progress, Malformed> {
    let rest = words.strip_prefix(b"UNKNOWN").ok_or(Malformed)?;
    if rest.is_empty() || rest.starts_with(b" ") {
        Ok(Progress::Whole(None))
    } else {
        Err(Malformed)
    }
}

fn addresses(words: &[u8]) -> Result<Option<Proxied>, Malformed> {
    let words = std::str::from_utf8(words).map_err(|_| Malformed)?;
    let words: Vec<&str> = words.split(' ').collect();
    let [family, source, destination, source_port, destination_port] = words[..] else {
        return Err(Malformed);
    };
    let address = |text: &str| match family {
        "TCP4" => Ipv4Addr::from_str(text).map(IpAddr::from).map_err(|_| Malformed),
        "TCP6" => Ipv6Addr::from_str(text).map(IpAddr::from).map_err(|_| Malformed),
        _ => Err(Malformed),
    };
    let port = |text: &str| {
        let plain =
            text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        if plain { text.parse().map_err(|_| Malformed) } else { Err(Malformed) }
    };
    Ok(Some(Proxied {
        source: SocketAddr::new(address(source)?, port(source_port)?),
        destination: SocketAddr::new(address(destination)?, port(destination_port)?),
    }))
}

fn binary(bytes: &[u8]) -> Result<Progress, Malformed> {
    let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED>() else {
        return Ok(Progress::More(FIXED - bytes.len()));
    };
    let [.., command, family, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST_REST || rest.len() > length {
        return Err(Malformed);
    }
    if rest.len() < length {
        return Ok(Progress::More(length - rest.len()));
    }
    match command {
        // The proxy's own connection, to see whether we are well; what follows means nothing.
        0x20 => Ok(Progress::Whole(None)),
        0x21 => proxied(family, rest).map(Progress::Whole),
        _ => Err(Malformed),
    }
}

fn proxied(family: u8, rest: &[u8]) -> Result<Option<Proxied>, Malformed> {
    let (found, fields) = match family {
        0x00 => (None, rest),
        0x11 => {
            let (block, fields) = rest.split_first_chunk::<12>().ok_or(Malformed)?;
            let [a, b, c, d, e, f, g, h, ports @ ..] = *block;
            let both = [IpAddr::from([a, b, c, d]), IpAddr::from([e, f, g, h])];
            (Some(with_ports(both, ports)), fields)
        }
        0x21 => {
            let (source, rest) = rest.split_first_chunk::<16>().ok_or(Malformed)?;
            let (destination, rest) = rest.split_first_chunk::<16>().ok_or(Malformed)?;
            let (ports, fields) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
            let both = [IpAddr::from(*source), IpAddr::from(*destination)];
            (Some(with_ports(both, *ports)), fields)
        }
        0x31 => (None, rest.get(UNIX_ADDRESSES..).ok_or(Malformed)?),
        _ => return Err(Malformed),
    };
    if are_fields(fields) { Ok(found) } else { Err(Malformed) }
}

const fn with_ports([source, destination]: [IpAddr; 2], ports: [u8; 4]) -> Proxied {
    let [a, b, c, d] = ports;
    Proxied {
        source: SocketAddr::new(source, u16::from_be_bytes([a, b])),
        destination: SocketAddr::new(destination, u16::from_be_bytes([c, d])),
    }
}

/// Whether these are types, lengths and values to the last byte.
fn are_fields(mut fields: &[u8]) -> bool {
    while let [_, high, low, rest @ ..] = fields {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(behind) = rest.get(length..) else { return false };
        fields = behind;
    }
    fields.is_empty()
}

#[cfg(test)]
mod tests;
