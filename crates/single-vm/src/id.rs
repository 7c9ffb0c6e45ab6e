//! What identifies a thing of a machine: its kind, and its name or path.

use std::str::FromStr;

use deploy_spec::Digest;
use serde::{Deserialize, Serialize};

use crate::spec::{AccountName, MachinePath};

/// Which thing; written `kind:name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Id {
    /// A group, by name.
    Group(AccountName),
    /// A user, by name.
    User(AccountName),
    /// A directory.
    Directory(MachinePath),
    /// A file.
    File(MachinePath),
    /// A certificate with its key, by their directory.
    Certificate(MachinePath),
    /// An image, by the digest of its configuration.
    Image(Digest),
    /// A unit, by name.
    Unit(String),
    /// What a service serves, by the name of its unit.
    Serving(String),
    /// systemd itself.
    Manager,
}

impl Id {
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Group(name) => ("group", name.as_str()),
            Self::User(name) => ("user", name.as_str()),
            Self::Directory(path) => ("directory", path.as_str()),
            Self::File(path) => ("file", path.as_str()),
            Self::Certificate(path) => ("certificate", path.as_str()),
            Self::Image(id) => ("image", id.as_str()),
            Self::Unit(name) => ("unit", name),
            Self::Serving(name) => ("serving", name),
            Self::Manager => ("manager", "systemd"),
        }
    }

    /// The kind, for people.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.parts().0
    }

    /// The name or path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.parts().1
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, name) = self.parts();
        write!(f, "{kind}:{name}")
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.to_string()
    }
}

impl FromStr for Id {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "group" => name.parse().map(Self::Group),
            "user" => name.parse().map(Self::User),
            "directory" => name.parse().map(Self::Directory),
            "file" => name.parse().map(Self::File),
            "certificate" => name.parse().map(Self::Certificate),
            "image" => name.parse().map(Self::Image),
            "unit" => Ok(Self::Unit(name.into())),
            "serving" => Ok(Self::Serving(name.into())),
            "manager" => Ok(Self::Manager),
            _ => Err(format!("`{kind}` is no kind of thing that a machine has")),
        }
    }
}

impl TryFrom<String> for Id {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
