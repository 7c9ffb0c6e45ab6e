//! Who is at the other end of a connection.

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use deploy_spec::{Actor, Fault};
use rustls::pki_types::CertificateDer;
use tokio::net::UnixListener;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::handshakes::Handshakes;
use crate::ambient;

/// The longest common name, in characters (X.520, `ub-common-name`).
const NAME_MAX: usize = 64;

/// Who asks.
#[derive(Debug, Clone)]
pub(super) enum Asker {
    /// An account of this machine, as the kernel says.
    Account(Option<u32>),
    /// The one name in a client certificate that TLS has proven.
    Certificate(Option<String>),
}

impl Connected<IncomingStream<'_, UnixListener>> for Asker {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self::Account(stream.io().peer_cred().ok().map(|peer| peer.uid()))
    }
}

impl Connected<IncomingStream<'_, Handshakes>> for Asker {
    fn connect_info(stream: IncomingStream<'_, Handshakes>) -> Self {
        let (_, session) = stream.io().get_ref();
        let shown = session.peer_certificates().and_then(|chain| chain.first());
        Self::Certificate(shown.and_then(common_name))
    }
}

impl Asker {
    /// # Errors
    /// `refused` when it cannot be told who it is.
    pub(super) fn actor(&self) -> Result<Actor, Fault> {
        match self {
            Self::Account(Some(uid)) => Ok(ambient::actor(*uid)),
            Self::Account(None) => Err(Fault::refused("the system does not say who asks")),
            Self::Certificate(Some(name)) => Ok(ambient::certificate(name.clone())),
            Self::Certificate(None) => Err(Fault::refused(
                "the client certificate does not say who asks: its subject has no common name, \
                 several, or one that is no plain text of 64 characters at most",
            )),
        }
    }
}

/// The one common name of the subject, if it can be shown in a log.
fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, read) = X509Certificate::from_der(certificate).ok()?;
    let mut names = read.subject().iter_common_name();
    let (name, None) = (names.next()?.as_str().ok()?, names.next()) else { return None };
    let is_plain = !name.trim().is_empty() && !name.chars().any(char::is_control);
    (is_plain && name.chars().count() <= NAME_MAX).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

    use super::*;

    fn named(names: &[&str]) -> Option<String> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for name in names {
            params.distinguished_name.push(DnType::CommonName, *name);
        }
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        common_name(made.der())
    }

    #[test]
    fn a_certificate_names_one_person_in_plain_text() {
        let longest = "n".repeat(NAME_MAX);
        for good in ["ada", "gtc client hello", "Zoë", &longest] {
            assert_eq!(named(&[good]).as_deref(), Some(good));
        }
        let too_long = "n".repeat(NAME_MAX + 1);
        for bad in ["", " ", "ada\nroot", "ada\u{1b}[2J", &too_long] {
            assert_eq!(named(&[bad]), None, "{bad:?}");
        }
        assert_eq!(named(&[]), None);
        assert_eq!(common_name(&CertificateDer::from(b"no certificate".to_vec())), None);
    }
}
