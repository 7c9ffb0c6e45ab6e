//! The texts of a description: names, paths and addresses, checked once.

use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use deploy_spec::document::shown;
use deploy_spec::{BundleId, checked_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest path, in bytes: the name of a mount unit is made of one, each `-` as four
/// characters, and must not be longer than a file name (systemd.unit(5)).
const PATH_MAX: usize = 160;
/// The longest name of an account (useradd(8)).
const ACCOUNT_MAX: usize = 32;

fn name(text: &str) -> Result<(), String> {
    text.parse::<BundleId>().map(drop)
}

checked_text!(
    /// What a deployment on a machine is called; its units and directories are named after it.
    DeploymentName, name, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "hello"
);

fn account(text: &str) -> Result<(), String> {
    if text == "root" {
        return Err("the service never runs as root, which would make its confinement void".into());
    }
    let begins = |c: char| c.is_ascii_lowercase() || c == '_';
    let goes_on = |c: char| begins(c) || c.is_ascii_digit() || c == '-';
    if text.len() <= ACCOUNT_MAX && text.starts_with(begins) && text.chars().all(goes_on) {
        return Ok(());
    }
    Err(format!(
        "{} is no name of a user or group: 1 to {ACCOUNT_MAX} of a-z, 0-9, `_` and `-`, beginning \
         with a letter or `_`",
        shown(text)
    ))
}

checked_text!(
    /// The name of a user or of a group of the machine, but root.
    AccountName, account, pattern = "^[a-z_][a-z0-9_-]{0,31}$", example = "greentic"
);

fn path(text: &str) -> Result<(), String> {
    if !text.starts_with('/') {
        return Err(format!(
            "{} is relative, and would be another file for each directory that it is read in; a \
             path begins with `/`",
            shown(text)
        ));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+@".contains(c);
    let good = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(plain);
    if text.len() <= PATH_MAX && text[1..].split('/').all(good) {
        return Ok(());
    }
    Err(format!(
        "{} is no path that units and mounts can name: at most {PATH_MAX} of A-Z, a-z, 0-9 and \
         `._-+@`, with no `.`, `..` or empty part, and no `/` at the end",
        shown(text)
    ))
}

checked_text!(
    /// An absolute path of the machine, of characters that have no meaning in units, mounts and
    /// the options of container engines.
    MachinePath, path, pattern = "^(/[A-Za-z0-9._@+-]+)+$", example = "/var/lib/greentic/hello"
);

impl MachinePath {
    /// Whether this is `other` or below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let rest = self.as_str().strip_prefix(other.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path of `name` in here. `name` is ours, and made of the characters of a path.
    #[must_use]
    pub(crate) fn join(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0).into())
    }

    /// A path that we made up; `text` is absolute and made of the characters of a path.
    pub(crate) fn ours(text: &str) -> Self {
        Self(text.into())
    }

    /// The directory this is in, unless that is the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.0.rsplit_once('/')?;
        (!parent.is_empty()).then(|| Self(parent.into()))
    }
}

fn http_path(text: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_graphic() && !"?#\"'\\%$".contains(c);
    if text.starts_with('/') && text.len() <= 255 && text.chars().all(good) {
        return Ok(());
    }
    Err(format!(
        "{} is no path of an HTTP request: `/`, then at most 254 printable characters without \
         query, quotes, `\\`, `%` and `$`",
        shown(text)
    ))
}

checked_text!(
    /// The path of an HTTP request.
    HttpPath, http_path, pattern = "^/[!&(-Z^-~_`\\[\\]]*$", example = "/readyz"
);

impl HttpPath {
    /// A path that we made up.
    pub(crate) fn ours(text: &str) -> Self {
        Self(text.into())
    }
}

/// An address to listen on, with a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Listen(#[schemars(with = "String", example = "127.0.0.1:8080")] SocketAddr);

impl Listen {
    /// The address.
    #[must_use]
    pub const fn address(self) -> SocketAddr {
        self.0
    }

    /// What is listened on unless another is named: this machine only.
    pub(crate) const DEFAULT: Self =
        Self(SocketAddr::V4(std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 8080)));
}

impl FromStr for Listen {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let address: SocketAddr = text.parse().map_err(|_| {
            format!("{} is no address with a port; names are not looked up", shown(text))
        })?;
        if address.port() == 0 {
            return Err("port 0 is another one at each start, and nobody could find it".into());
        }
        Ok(Self(address))
    }
}

/// Where the admin endpoint listens: on 127.0.0.1, and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdminBind(u16);

impl AdminBind {
    /// The port on 127.0.0.1.
    #[must_use]
    pub const fn port(self) -> u16 {
        self.0
    }

    pub(crate) const DEFAULT: Self = Self(8433);
}

impl FromStr for AdminBind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let address = match text.split_once(':') {
            Some(("localhost", _)) => {
                return Err(
                    "`localhost` is whatever the machine takes it for; the admin endpoint \
                            binds to 127.0.0.1, and no flag changes that"
                        .into(),
                );
            }
            _ => text.parse::<Listen>()?.0,
        };
        if address.ip() != Ipv4Addr::LOCALHOST {
            return Err(format!(
                "the admin endpoint binds to 127.0.0.1, not {}: who reaches it decides what this \
                 machine serves, and no flag changes that",
                address.ip()
            ));
        }
        Ok(Self(address.port()))
    }
}

impl std::fmt::Display for AdminBind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "127.0.0.1:{}", self.0)
    }
}

impl Serialize for AdminBind {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl JsonSchema for AdminBind {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AdminBind".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^127\\.0\\.0\\.1:[1-9][0-9]{0,4}$",
            "examples": ["127.0.0.1:8433"],
        })
    }
}

#[cfg(test)]
mod tests;
