//! Where a bundle or an image comes from.

use deploy_spec::document::shown;
use deploy_spec::{Digest, checked_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::MachinePath;

/// Where the bundle comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleSource {
    /// A file, of the machine on which the command runs.
    File(MachinePath),
    /// An artifact in an OCI registry, `host[:port]/repository[:tag][@digest]`.
    Oci(OciName),
    /// A file on a web server; only with a digest.
    Https(HttpsUrl),
}

/// What a bundle may come from, for messages.
const KINDS: &str = "a file (`/path` or `file:///path`), `oci://` or `https://`";

impl std::str::FromStr for BundleSource {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return text.parse().map(Self::File);
        };
        match scheme {
            "file" => rest.parse().map(Self::File),
            "oci" => rest.parse().map(Self::Oci),
            "https" => text.parse().map(Self::Https),
            "http" => Err("what comes by `http://` can be read and changed on its way; a bundle \
                           comes by `https://`, with its digest"
                .into()),
            other => Err(format!("{} is no source: a bundle comes from {KINDS}", shown(other))),
        }
    }
}

impl std::fmt::Display for BundleSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "file://{path}"),
            Self::Oci(name) => write!(f, "oci://{name}"),
            Self::Https(url) => write!(f, "{url}"),
        }
    }
}

impl Serialize for BundleSource {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BundleSource {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for BundleSource {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BundleSource".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^(/|file:///|oci://|https://)",
            "examples": [
                "/srv/hello.gtbundle",
                "oci://registry.example/hello:1.4.0",
                "https://downloads.example/hello.gtbundle",
            ],
        })
    }
}

/// The grammar in full is that of whoever asks the registry; here it must only be one name, with a
/// digest that is one.
fn oci_name(text: &str) -> Result<(), String> {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    digest.map_or(Ok(()), |digest| digest.parse::<Digest>().map(drop))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    let parts: Vec<&str> = name.split('/').collect();
    let begins_well = |part: &&str| part.starts_with(|c: char| c.is_ascii_alphanumeric());
    if parts.len() >= 2
        && text.len() <= 510
        && name.chars().all(plain)
        && parts.iter().all(begins_well)
    {
        return Ok(());
    }
    Err(format!("{} is no name of an artifact: host/repository[:tag][@sha256:…]", shown(text)))
}

checked_text!(
    /// An artifact in an OCI registry: `host[:port]/repository[:tag][@digest]`.
    OciName, oci_name, pattern = "^[A-Za-z0-9][A-Za-z0-9.:_/-]*(@sha256:[0-9a-f]{64})?$",
    example = "registry.example/gtc:1.4.0"
);

impl OciName {
    /// The digest in the name, if there is one.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.as_str().split_once('@').and_then(|(_, digest)| digest.parse().ok())
    }
}

fn https_url(text: &str) -> Result<(), String> {
    let rest = text.strip_prefix("https://").unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if host.contains('@') {
        return Err("a name or password in a URL would be stored and shown with it".into());
    }
    let good = |c: char| c.is_ascii_graphic() && !"\"'\\<>`{}|^".contains(c);
    if !host.is_empty() && !path.is_empty() && text.len() <= 2048 && text.chars().all(good) {
        return Ok(());
    }
    Err(format!("{} is no URL of a file: https://host/path", shown(text)))
}

checked_text!(
    /// A URL by `https://`, without a name or password.
    HttpsUrl, https_url, pattern = "^https://[^/@]+/.+$",
    example = "https://downloads.example/hello.gtbundle"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_prints_as_it_parses() {
        let hex = "0".repeat(64);
        for text in [
            "file:///srv/a.gtbundle",
            "oci://localhost:5000/a/b:1.0",
            &format!("oci://r.example/a@sha256:{hex}"),
            "https://d.example/a?b=c",
        ] {
            assert_eq!(text.parse::<BundleSource>().unwrap().to_string(), text);
        }
        assert_eq!("/a".parse::<BundleSource>().unwrap().to_string(), "file:///a");
    }

    #[test]
    fn what_is_no_source_says_why() {
        for (text, says) in [
            ("a.gtbundle", "relative"),
            ("file://a", "relative"),
            ("http://d.example/a", "changed on its way"),
            ("ftp://d.example/a", "comes from"),
            ("https://u:p@d.example/a", "password"),
            ("https://d.example", "no URL"),
            ("https:///a", "no URL"),
            ("oci://a", "no name of an artifact"),
            ("oci://a/b@sha256:00", "not a digest"),
            ("oci://a/ b", "no name of an artifact"),
            ("oci://a//b", "no name of an artifact"),
        ] {
            let why = text.parse::<BundleSource>().unwrap_err();
            assert!(why.contains(says), "{text}: {why}");
        }
    }
}
