//! What is asked for, and whom: names, an authority, and how it finds out whose a name is.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use instant_acme::{ChallengeType, LetsEncrypt};

/// How certificates are got.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the authority says what it does.
    pub directory: Directory,
    /// Who vouches for the authority's server, in PEM, instead of whom the system trusts.
    pub ca: Option<Vec<u8>>,
    /// Whom the authority may write to.
    pub contact: Vec<Contact>,
    /// How it finds out whose a name is.
    pub challenge: Challenge,
}

/// How an authority finds out whose a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// By TLS at port 443 of the name (RFC 8737).
    TlsAlpn01,
    /// By HTTP at port 80 of the name (RFC 8555 §8.3).
    Http01,
}

impl Challenge {
    pub(crate) const fn kind(self) -> ChallengeType {
        match self {
            Self::TlsAlpn01 => ChallengeType::TlsAlpn01,
            Self::Http01 => ChallengeType::Http01,
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Http01 => "http-01",
        })
    }
}

/// The URL of an authority's directory (RFC 8555 §7.1.1), by TLS always; or `letsencrypt` and
/// `letsencrypt-staging`, which stand for theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory(String);

impl Directory {
    /// The URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0
    }
}

impl FromStr for Directory {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "letsencrypt" => return Ok(Self(LetsEncrypt::Production.url().to_owned())),
            "letsencrypt-staging" => return Ok(Self(LetsEncrypt::Staging.url().to_owned())),
            _ => {}
        }
        let uri: Option<Uri> = text.parse().ok();
        let is_secure = uri.as_ref().and_then(Uri::scheme_str) == Some("https");
        let has_host = uri.as_ref().and_then(Uri::host).is_some_and(|host| !host.is_empty());
        if is_secure && has_host && !text.contains('@') {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("`{text}` is no URL of https, and neither letsencrypt nor letsencrypt-staging"))
    }
}

/// A name of DNS for which there can be a certificate by these challenges, in lower case: no
/// wildcard, and no address. It is a name of a file too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Domain(String);

impl Domain {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.to_ascii_lowercase();
        if name.starts_with("*.") {
            return Err(format!(
                "`{text}` stands for many names; an authority gives such only by DNS"
            ));
        }
        // RFC 1035 §2.3.1 and §2.3.4, RFC 1123 §2.1.
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let labels = || name.split('.');
        let is_address =
            labels().next_back().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if name.len() > 253 || labels().count() < 2 || !labels().all(is_label) || is_address {
            return Err(format!("`{text}` is no full name of DNS, as shop.example.com is"));
        }
        Ok(Self(name))
    }
}

/// Whom an authority may write to: `mailto:ada@example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact(String);

impl Contact {
    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Contact {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = text.strip_prefix("mailto:").and_then(|address| address.split_once('@'));
        let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b',' | b'?'));
        match address {
            Some((user, host)) if is_plain && !user.is_empty() && !host.is_empty() => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(format!("`{text}` is not as mailto:ada@example.com is")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_full_name_without_a_wildcard() {
        for (text, name) in [
            ("shop.test", Some("shop.test")),
            ("Shop.Example.COM", Some("shop.example.com")),
            ("xn--bcher-kva.test", Some("xn--bcher-kva.test")),
            ("1.test", Some("1.test")),
            ("localhost", None),
            ("*.shop.test", None),
            ("192.0.2.1", None),
            ("shop.test.", None),
            (".shop.test", None),
            ("shop..test", None),
            ("-shop.test", None),
            ("shop_.test", None),
            ("../shop.test", None),
            ("a/b.test", None),
            ("bücher.test", None),
            ("", None),
        ] {
            let parsed = text.parse::<Domain>().ok();
            assert_eq!(parsed.as_ref().map(Domain::as_str), name, "{text}");
        }
        let long = format!("{}.test", "a".repeat(64));
        assert!(long.parse::<Domain>().is_err());
    }

    #[test]
    fn a_directory_is_reached_by_tls() {
        let url = |text: &str| text.parse::<Directory>().ok().map(|it| it.url().to_owned());
        let staging = url("letsencrypt-staging").unwrap();
        assert!(staging.starts_with("https://acme-staging-"), "{staging}");
        assert_ne!(url("letsencrypt").unwrap(), staging);
        assert!(url("https://ca.internal:9000/acme/directory").is_some());
        for wrong in
            ["http://ca.internal/", "https://", "ca.internal", "https://me@ca.internal/", ""]
        {
            assert_eq!(url(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_contact_is_an_address() {
        for (text, is_one) in [
            ("mailto:ada@example.com", true),
            ("ada@example.com", false),
            ("mailto:ada", false),
            ("mailto:@example.com", false),
            ("mailto:ada@example.com,eve@example.com", false),
            ("mailto:ada@example.com?subject=x", false),
        ] {
            assert_eq!(text.parse::<Contact>().is_ok(), is_one, "{text}");
        }
    }
}
