//! The one shape of a failure: what kind, what and why, and what to type next.
//!
//! Every crate that talks to people returns a [`Fault`]; the table in [`Kind`] is the only place
//! that maps a failure to an exit code or an HTTP status.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What sort of failure it is. Scripts branch on this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The document or argument cannot be right by itself.
    InvalidInput,
    /// The thing that was named does not exist.
    NotFound,
    /// It collides with something that exists, or another writer was first.
    Conflict,
    /// The present state, a law or a policy forbids it.
    Refused,
    /// Something it depends on cannot be reached or used at the moment.
    Unavailable,
    /// A check ran and said no.
    Unhealthy,
    /// A defect in this program.
    Internal,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::InvalidInput,
        Self::NotFound,
        Self::Conflict,
        Self::Refused,
        Self::Unavailable,
        Self::Unhealthy,
        Self::Internal,
    ];

    const fn row(self) -> (&'static str, u8, u16) {
        match self {
            Self::InvalidInput => ("invalid-input", 2, 400),
            Self::NotFound => ("not-found", 3, 404),
            Self::Conflict => ("conflict", 4, 409),
            Self::Refused => ("refused", 5, 403),
            Self::Unavailable => ("unavailable", 6, 503),
            Self::Unhealthy => ("unhealthy", 7, 422),
            Self::Internal => ("internal", 1, 500),
        }
    }

    /// The name used in envelopes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The exit code of a `gtc` command that fails this way.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        self.row().1
    }

    /// The status of an admin API response that fails this way.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        self.row().2
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A failure as the user meets it. It never carries a secret value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What sort of failure.
    pub kind: Kind,
    /// One sentence: what was attempted, on what, and why it failed.
    pub message: String,
    /// The next command to type, or what to change.
    pub hint: Option<String>,
    /// Machine-readable facts: `pointer` of the field, `current_generation`, `gate` …
    pub details: Box<Map<String, Value>>,
}

impl Fault {
    /// A failure of `kind` with no hint yet.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, details: Box::default() }
    }

    /// See [`Kind::InvalidInput`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::InvalidInput, message)
    }

    /// See [`Kind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// See [`Kind::Conflict`].
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, message)
    }

    /// See [`Kind::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// See [`Kind::Unavailable`].
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }

    /// See [`Kind::Unhealthy`].
    pub fn unhealthy(message: impl Into<String>) -> Self {
        Self::new(Kind::Unhealthy, message)
    }

    /// See [`Kind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// Adds what to type next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds one machine-readable fact.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Names the offending field by JSON pointer (RFC 6901).
    #[must_use]
    pub fn at(self, pointer: impl Into<String>) -> Self {
        self.detail("pointer", pointer.into())
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_name_and_code() {
        for (i, a) in Kind::ALL.iter().enumerate() {
            assert_eq!(serde_json::to_value(a).unwrap(), a.name());
            for b in &Kind::ALL[i + 1..] {
                assert_ne!(a.name(), b.name());
                assert_ne!(a.exit_code(), b.exit_code());
                assert_ne!(a.http_status(), b.http_status());
            }
        }
    }
}
