//! Absolute URLs of `http` and `https`, without user and fragment.

use deploy_spec::Fault;
use http::Uri;

use crate::reference::HostPort;
use crate::text::shown;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    Https,
    Http,
}

/// Whom one talks to, and how.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) scheme: Scheme,
    pub(crate) host: HostPort,
}

/// An origin and what it is asked for: a path, and a query if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) origin: Origin,
    pub(crate) target: String,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

impl Origin {
    /// The port, named or usual.
    pub(crate) fn port(&self) -> u16 {
        let usual = if self.scheme == Scheme::Https { 443 } else { 80 };
        self.host.port().unwrap_or(usual)
    }

    /// What the `Host` header says.
    pub(crate) fn authority(&self) -> String {
        self.host.to_string()
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.host)
    }
}

impl Url {
    /// # Errors
    /// `refused`: only servers name URLs.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let refused =
            || Fault::refused(format!("the server named {}, which is no URL", shown(text)));
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let scheme = match uri.scheme_str() {
            Some("https") => Scheme::Https,
            Some("http") => Scheme::Http,
            _ => return Err(refused()),
        };
        let host = uri.authority().map_or("", http::uri::Authority::as_str);
        let host = HostPort::parse(host).map_err(|_| refused())?;
        let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        Ok(Self { origin: Origin { scheme, host }, target: target.to_owned() })
    }

    /// Where a server sends us on to from here: a whole URL, or a path from the root.
    ///
    /// # Errors
    /// `refused` when it is neither.
    pub(crate) fn join(&self, location: &str) -> Result<Self, Fault> {
        if location.starts_with('/') && !location.starts_with("//") {
            let target: Result<Uri, _> = location.parse();
            let named = |_| Fault::refused(format!("{} is no path", shown(location)));
            let target = target.map_err(named)?.to_string();
            return Ok(Self { origin: self.origin.clone(), target });
        }
        Self::parse(location)
    }

    /// The same with one more parameter, which needs no escaping.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let sign = if self.target.contains('?') { '&' } else { '?' };
        let target = format!("{}{sign}{name}={value}", self.target);
        Self { origin: self.origin.clone(), target }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_whole_url_or_a_path_from_the_root() {
        let from = Url::parse("https://h:5000/v2/a?b=c").unwrap();
        for (location, to) in [
            ("/x?y=1", "https://h:5000 /x?y=1"),
            ("http://[::1]/x", "http://[::1] /x"),
            ("https://H", "https://h /"),
        ] {
            let url = from.join(location).unwrap();
            assert_eq!(format!("{} {}", url.origin, url.target), to, "{location}");
        }
        for bad in ["", "x", "//h/x", "ftp://h/x", "https://me:pw@h/x", "https:///x", "/a b"] {
            assert!(from.join(bad).is_err(), "{bad}");
        }
        assert_eq!(from.with("digest", "d").target, "/v2/a?b=c&digest=d");
    }
}
