//! Why there is no answer, or no whole one.

use std::io;

use crate::head::Violation;
use crate::tls;

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why an exchange with a server failed.
#[derive(Debug)]
pub enum Error {
    /// No connection: nobody listens there, the name has no address, it is not allowed.
    Connect(io::Error),
    /// It does not prove who it is, or TLS cannot be spoken with it.
    Tls(rustls::Error),
    /// It was to speak HTTP/2, and does not.
    NotHttp2,
    /// It gave up on this request alone, and says why (HTTP/2).
    Reset(h2::Reason),
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

    /// The same for another request that waited for the same connection.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Connect(error) => Self::Connect(io::Error::new(error.kind(), error.to_string())),
            Self::Tls(error) => Self::Tls(error.clone()),
            Self::NotHttp2 => Self::NotHttp2,
            Self::Reset(reason) => Self::Reset(*reason),
            Self::Timeout(what) => Self::Timeout(what),
            Self::Violation(violation) => Self::Violation(*violation),
            Self::Closed => Self::Closed,
            Self::Body(error) => Self::Body(error.to_string().into()),
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "it cannot be connected to: {error}"),
            Self::Tls(error) => f.write_str(&tls::explain(error)),
            Self::NotHttp2 => f.write_str(
                "it does not speak HTTP/2 (in the clear that is asked for by `protocol: h2c` of the pack)",
            ),
            Self::Reset(reason) => write!(f, "it gave up on the request: {reason}"),
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
            Self::Tls(error) => Some(error),
            Self::Violation(violation) => Some(violation),
            Self::Body(error) => Some(&**error),
            Self::Timeout(_) | Self::Closed | Self::NotHttp2 | Self::Reset(_) => None,
        }
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}
