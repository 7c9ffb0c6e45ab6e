//! TLS in front of everything: certificates from files and from an authority, the handshake, and the
//! stream behind it.
//! Nothing here knows HTTP but the names of its versions (ALPN, RFC 7301).

mod certificates;
mod challenges;
mod pair;
mod set;
mod stream;

pub use certificates::{Certificates, Issued};
pub use challenges::{Challenges, Pending};
pub use pair::{CertificateFiles, Validity};
pub(crate) use stream::{Shown, accept};

/// HTTP/2, as ALPN names it.
const H2: &[u8] = b"h2";
/// HTTP/1.1, as ALPN names it.
const HTTP_11: &[u8] = b"http/1.1";
