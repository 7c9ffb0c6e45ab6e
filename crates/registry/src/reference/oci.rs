//! `host[:port]/repository[:tag][@digest]`, by the grammar of the OCI distribution specification
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>).

use std::net::{Ipv4Addr, Ipv6Addr};

use deploy_spec::Digest;

use crate::text::shown;

/// The longest name that registries take, in bytes, host included.
const NAME_MAX: usize = 255;
const TAG_MAX: usize = 128;

/// A registry: a host, and its port unless it is the usual one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    host: String,
    port: Option<u16>,
}

/// An artifact in an OCI registry. With a digest it is that one, whatever the tag says; with
/// neither digest nor tag it is `latest`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OciReference {
    registry: HostPort,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl HostPort {
    /// Reads `host[:port]`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        if !is_host(host) {
            return Err(format!("{} is no host", shown(text)));
        }
        let number = |port: &str| {
            let digits = port.bytes().all(|b| b.is_ascii_digit());
            let number = port.parse::<u16>().ok().filter(|number| digits && *number > 0);
            number.ok_or_else(|| format!("{} is no port", shown(port)))
        };
        Ok(Self { host: host.to_ascii_lowercase(), port: port.map(number).transpose()? })
    }

    /// The host, in lower case; an IPv6 address stands in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, when one was named.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether it is this machine: `localhost`, or an address of the loopback network.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let v6 = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost"
            || self.host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || v6.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
    }
}

impl std::fmt::Display for HostPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

impl OciReference {
    /// Reads what follows `oci://`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > 2 * NAME_MAX {
            return Err("it is too long".into());
        }
        let (registry, rest) =
            text.split_once('/').ok_or("it has no `/` between registry and repository")?;
        if registry.contains('@') {
            return Err("a name or password does not belong in it: use `docker login`".into());
        }
        let registry = HostPort::parse(registry)?;
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>()?)),
            None => (rest, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        if !repository.split('/').all(is_part) || registry.host.len() + rest.len() > NAME_MAX {
            return Err(format!(
                "{} is no repository: at most {NAME_MAX} of a-z, 0-9, and `.`, `_`, `-` between \
                 them, in parts separated by `/`",
                shown(repository)
            ));
        }
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(format!(
                "{} is no tag: at most {TAG_MAX} of A-Z, a-z, 0-9, `_`, `.` and `-`",
                shown(tag)
            ));
        }
        let tag = tag.map(str::to_owned);
        Ok(Self { registry, repository: repository.to_owned(), tag, digest })
    }

    /// The registry, as it was named.
    #[must_use]
    pub const fn registry(&self) -> &HostPort {
        &self.registry
    }

    /// The repository within it.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, when one was named.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the manifest, when one was named.
    #[must_use]
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What the registry is asked for: the digest, else the tag, else `latest`.
    #[must_use]
    pub fn target(&self) -> &str {
        let tag = self.tag.as_deref().unwrap_or("latest");
        self.digest.as_ref().map_or(tag, Digest::as_str)
    }

    /// The same repository, at this digest and nothing else.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }
}

impl std::fmt::Display for OciReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "oci://{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

fn is_host(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return v6.parse::<Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_part(part: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = part.bytes().next().is_some_and(plain) && part.bytes().last().is_some_and(plain);
    let mut between = part.split(|c: char| c.is_ascii() && plain(c as u8));
    ends && between
        .all(|run| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|b| b == b'-'))
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`
fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= TAG_MAX
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}
