//! Why there is no answer, or no whole one.

use std::io;

use crate::head::Violation;

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why an exchange with a server failed.
#[derive(Debug)]
pub enum Error {
    /// No connection: nobody listens there, the name has no address, it is not allowed.
    Connect(io::Error),
    /// It did not connect, answer or go on in time.
    Timeout(&'static str),
    /// It broke a rule of HTTP.
    Violation(Violation),
    /// It ended or reset the connection before its answer was complete.
    Closed,
    /// The body of the request broke off.
    Body(BoxError),
}

impl Error {
    /// Whether it took too long, rather than went wrong.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "it cannot be connected to: {error}"),
            Self::Timeout(what) => write!(f, "it did not {what} in time"),
            Self::Violation(violation) => violation.fmt(f),
            Self::Closed => f.write_str("it closed the connection before its answer was complete"),
            Self::Body(error) => write!(f, "the body of the request broke off: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect(error) => Some(error),
            Self::Violation(violation) => Some(violation),
            Self::Body(error) => Some(&**error),
            Self::Timeout(_) | Self::Closed => None,
        }
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}
