//! Where a pack of the kind `upstream` sends its requests.

use std::net::{IpAddr, Ipv6Addr};

use super::{Pack, PackKind};
use crate::fault::Fault;
use crate::text::{checked_text, shown};

/// The longest path of a Unix socket, in bytes (`sockaddr_un`).
const MAX_SOCKET_PATH: usize = 107;
/// What Amazon gives its metadata service besides the link-local address.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

checked_text!(
    /// The URL of a server that already runs: `http://host[:port][/base]`, the same with `https:`, or
    /// `unix:/path` of a socket. No user, query or fragment; a base without `.`, `..` or empty parts.
    UpstreamUrl, url, pattern = "^(https?://[^/?#@]+(/[^?#]+)?|unix:/.+)$",
    example = "http://127.0.0.1:3000"
);

/// What an [`UpstreamUrl`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamTarget<'u> {
    /// A port of a host; what stands in front of every path that is asked for, empty or `/…`.
    Tcp {
        /// Whether TLS is spoken there.
        scheme: UpstreamScheme,
        /// A name or an address, without brackets.
        host: &'u str,
        /// The port; when none is named, 80, and 443 for `https:`.
        port: u16,
        /// Without a `/` at its end.
        base: &'u str,
    },
    /// A Unix socket at an absolute path.
    Unix {
        /// Where it is.
        path: &'u str,
    },
}

/// How the connection to a host is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamScheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl UpstreamScheme {
    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl UpstreamUrl {
    /// Whether it is spoken to over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        matches!(self.target(), UpstreamTarget::Tcp { scheme: UpstreamScheme::Https, .. })
    }

    /// What it names.
    #[must_use]
    pub fn target(&self) -> UpstreamTarget<'_> {
        // Checked when it was made.
        target(self.as_str()).unwrap_or(UpstreamTarget::Unix { path: "" })
    }
}

fn url(text: &str) -> Result<(), String> {
    target(text).map(drop)
}

fn target(text: &str) -> Result<UpstreamTarget<'_>, String> {
    let wrong = |why: &str| Err(format!("{} is not the URL of an upstream: {why}", shown(text)));
    if text.len() > 2_048 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return wrong("it is plain ASCII without blanks, of at most 2048 bytes");
    }
    if let Some(path) = text.strip_prefix("unix:") {
        let plain = path.starts_with('/') && !path.split('/').skip(1).any(is_bad_part);
        return if plain && path.len() <= MAX_SOCKET_PATH {
            Ok(UpstreamTarget::Unix { path })
        } else {
            wrong("`unix:` names an absolute path of at most 107 bytes")
        };
    }
    let schemes = [("http://", UpstreamScheme::Http), ("https://", UpstreamScheme::Https)];
    let begins = |(with, scheme)| Some((scheme, text.strip_prefix(with)?));
    let Some((scheme, rest)) = schemes.into_iter().find_map(begins) else {
        return wrong("it begins with `http://`, `https://` or `unix:/`");
    };
    let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let base = base.strip_suffix('/').unwrap_or(base);
    if base.contains(['?', '#', '%', '\\']) || base.split('/').skip(1).any(is_bad_part) {
        return wrong("its path has no query, no escapes, and no `.`, `..` or empty part");
    }
    let Some((host, port)) = split(authority, scheme.default_port()) else {
        return wrong("its host is a name or an address, with a port from 1 to 65535");
    };
    if host.parse().is_ok_and(hands_out_credentials) {
        return wrong("link-local addresses hand out a machine's own credentials");
    }
    Ok(UpstreamTarget::Tcp { scheme, host, port, base })
}

fn is_bad_part(part: &str) -> bool {
    part.is_empty() || part == "." || part == ".."
}

/// Host and port of an authority without user information.
fn split(authority: &str, default_port: u16) -> Option<(&str, u16)> {
    let (host, port) = if let Some(inside) = authority.strip_prefix('[') {
        let (host, rest) = inside.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        (host, rest)
    } else {
        let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
        is_name(host).then_some((host, port))?
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => default_port,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        _ => return None,
    };
    (port > 0).then_some((host, port))
}

/// Whether this is a name of DNS, or an IPv4 address.
pub(super) fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.bytes().all(plain)
    };
    host.len() <= 253 && host.split('.').all(label)
}

/// Whether an address is link-local (RFC 3927, RFC 4291 §2.5.6), or Amazon's one that is not: there
/// the clouds keep what hands out a machine's own credentials, and no application.
#[must_use]
pub fn hands_out_credentials(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local() || address == METADATA_V6,
    }
}

/// The rules for the pack at `index`: an upstream has a URL, every other kind a path, or an image.
pub(super) fn check(pack: &Pack, index: usize) -> Result<(), Fault> {
    let wrong = |why: &str, field: &str| {
        Err(Fault::invalid(why.to_owned()).at(format!("/packs/{index}/{field}")))
    };
    match (pack.kind, &pack.path, &pack.url) {
        (PackKind::Upstream, Some(_), _) => {
            wrong("an `upstream` runs elsewhere, so nothing of it is in the bundle", "path")
        }
        (PackKind::Upstream, None, None) => wrong("an `upstream` has a `url`", "url"),
        (PackKind::Upstream, None, Some(_)) if !pack.egress.is_empty() => {
            wrong("what an upstream calls cannot be limited, so it names no hosts", "egress")
        }
        (PackKind::Upstream, None, Some(_)) => Ok(()),
        (PackKind::Container, None, None) => Ok(()),
        (_, None, None) => wrong("this kind of pack has a `path` in the bundle", "path"),
        (_, _, Some(_)) => wrong("only a pack of the kind `upstream` has a `url`", "url"),
        (_, Some(_), None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match text.parse::<UpstreamUrl>() {
            Ok(url) => match url.target() {
                UpstreamTarget::Tcp { scheme: UpstreamScheme::Http, host, port, base } => {
                    format!("{host} {port} {base}")
                }
                UpstreamTarget::Tcp { scheme: UpstreamScheme::Https, host, port, base } => {
                    format!("tls {host} {port} {base}")
                }
                UpstreamTarget::Unix { path } => format!("socket {path}"),
            },
            Err(why) => why.rsplit(": ").next().unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn a_url_names_a_port_or_a_socket() {
        for (text, expected) in [
            ("http://localhost", "localhost 80 "),
            ("http://localhost/", "localhost 80 "),
            ("http://app.internal:3000/base/v1", "app.internal 3000 /base/v1"),
            ("http://my_app:3000/base/", "my_app 3000 /base"),
            ("http://[::1]:8080", "::1 8080 "),
            ("http://10.0.0.1", "10.0.0.1 80 "),
            ("https://a.test", "tls a.test 443 "),
            ("https://a.test:80/base", "tls a.test 80 /base"),
            ("unix:/run/app.sock", "socket /run/app.sock"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_one_is_refused() {
        const HOST: &str = "its host is a name or an address, with a port from 1 to 65535";
        const PATH: &str = "its path has no query, no escapes, and no `.`, `..` or empty part";
        const CREDENTIALS: &str = "link-local addresses hand out a machine's own credentials";
        const SOCKET: &str = "`unix:` names an absolute path of at most 107 bytes";
        const SCHEME: &str = "it begins with `http://`, `https://` or `unix:/`";
        for (text, expected) in [
            ("https:a.test", SCHEME),
            ("h2c://a.test", SCHEME),
            ("https://", HOST),
            ("https://169.254.169.254", CREDENTIALS),
            ("http://", HOST),
            ("http://user@a.test", HOST),
            ("http://a.test:0", HOST),
            ("http://a.test:65536", HOST),
            ("http://a.test:+80", HOST),
            ("http://a..test", HOST),
            ("http://[::1", HOST),
            ("http://[a.test]", HOST),
            ("http://a.test?x=1", HOST),
            ("http://a.test/b?x=1", PATH),
            ("http://a.test/b#c", PATH),
            ("http://a.test/../b", PATH),
            ("http://a.test//b", PATH),
            ("http://a.test/%2e%2e", PATH),
            ("http://169.254.169.254/latest", CREDENTIALS),
            ("http://[::ffff:169.254.169.254]", CREDENTIALS),
            ("http://[fe80::1]", CREDENTIALS),
            ("http://[fd00:ec2::254]", CREDENTIALS),
            ("unix:run/app.sock", SOCKET),
            ("unix:/run/../app.sock", SOCKET),
            ("unix:/", SOCKET),
            ("ftp://a.test", SCHEME),
            ("http://a test", "it is plain ASCII without blanks, of at most 2048 bytes"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
