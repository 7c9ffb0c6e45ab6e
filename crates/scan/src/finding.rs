//! Where a secret stands.

use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Where a secret stands and which rule says so; never what it is.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name that the stream was given.
    pub path: String,
    /// Where the secret begins: bytes from the start of the stream.
    pub offset: u64,
    /// The line it begins in, from 1; `None` where there is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The rule's name, as an allow-list names it.
    pub rule: String,
    /// What the rule looks for.
    pub description: String,
    /// What makes two findings the same secret without keeping it.
    #[serde(skip)]
    pub(crate) secret: [u8; 32],
}

impl Finding {
    pub(crate) fn fingerprint(secret: &[u8]) -> [u8; 32] {
        Sha256::digest(secret).into()
    }

    /// Whether both are the same secret by the same rule, wherever it stands.
    #[must_use]
    pub fn is_same_secret(&self, other: &Self) -> bool {
        self.rule == other.rule && self.secret == other.secret
    }
}

/// Without the fingerprint: a short secret could be guessed by it.
impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.rule),
            None => write!(f, "{} at byte {}: {}", self.path, self.offset, self.rule),
        }
    }
}
