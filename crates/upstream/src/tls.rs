//! TLS towards a server: whom we believe, and what to do where we do not.

use std::io;
use std::sync::Arc;

use deploy_spec::Fault;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::error::Error;
use crate::socket::Socket;
use crate::speaks::Alpn;

/// HTTP/2, as ALPN names it.
const H2: &[u8] = b"h2";
/// HTTP/1.1, as ALPN names it.
const HTTP_11: &[u8] = b"http/1.1";

/// Who a server must prove to be, and who may vouch for it. Cheap to clone; the clones share the
/// sessions that are resumed.
#[derive(Clone)]
pub struct Tls {
    name: ServerName<'static>,
    either: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
}

impl Tls {
    /// The certificate must be for `name`, a name of DNS or an address, and vouched for by one of
    /// the authorities in `ca`, a PEM file, or by one that the system trusts if there is none.
    ///
    /// # Errors
    /// `invalid-input` when `name` is no name, or `ca` holds no usable certificate.
    pub fn new(name: &str, ca: Option<&[u8]>) -> Result<Self, Fault> {
        let named = ServerName::try_from(name.to_owned());
        let name = named.map_err(|_| Fault::invalid(format!("`{name}` is no name of a server")))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Fault::internal(format!("TLS cannot be set up: {error}")))?
            .with_root_certificates(roots(ca)?)
            .with_no_client_auth();
        let offering = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            Arc::new(config)
        };
        Ok(Self { name, either: offering(&[H2, HTTP_11]), http1: offering(&[HTTP_11]) })
    }

    /// Shakes hands over a connection that was just made.
    pub(crate) async fn greet(&self, socket: Socket, alpn: Alpn) -> Result<Socket, Error> {
        let config = match alpn {
            Alpn::Either => &self.either,
            Alpn::Http1 => &self.http1,
        };
        let connector = TlsConnector::from(Arc::clone(config));
        match connector.connect(self.name.clone(), socket).await {
            Ok(stream) => Ok(Socket::Tls(Box::new(stream))),
            Err(error) => Err(refused(error)),
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tls").field(&self.name).finish()
    }
}

/// Whether HTTP/2 was agreed on.
pub(crate) fn is_h2(alpn: Option<&[u8]>) -> bool {
    alpn == Some(H2)
}

fn roots(ca: Option<&[u8]>) -> Result<RootCertStore, Fault> {
    let mut roots = RootCertStore::empty();
    let Some(ca) = ca else {
        // A machine without certificates of its own shows as an issuer that is not known.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let unusable = |why: &str| {
        Fault::invalid(format!("this is not a PEM file of certificates: {why}")).hint(
            "put the certificate of the authority there, from `-----BEGIN CERTIFICATE-----` on",
        )
    };
    for certificate in CertificateDer::pem_slice_iter(ca) {
        let certificate = certificate.map_err(|error| unusable(&error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(&error.to_string()))?;
    }
    if roots.is_empty() { Err(unusable("there is none in it")) } else { Ok(roots) }
}

/// What a stream of TLS says went wrong.
pub(crate) fn refused(error: io::Error) -> Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(inner) => Error::Tls(inner.clone()),
        None => Error::Connect(error),
    }
}

/// Why TLS did not come about, and what to do, in words.
pub(crate) fn explain(error: &rustls::Error) -> String {
    use CertificateError as Certificate;
    let hint = match error {
        rustls::Error::InvalidCertificate(why) => match why {
            // Of two authorities with one name the other one is trusted.
            Certificate::UnknownIssuer | Certificate::BadSignature => {
                "name the certificate of its authority as `tls.ca` of the pack"
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "name it in `url` or in `tls.server_name` of the pack as its certificate does"
            }
            Certificate::Expired | Certificate::ExpiredContext { .. } => {
                "give the server a new certificate"
            }
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                "the clock of one of the two machines is wrong"
            }
            _ => "give the server another certificate",
        },
        rustls::Error::InvalidMessage(_) => "if it speaks no TLS, its `url` begins with `http://`",
        rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            "it wants another `protocol` than the pack names"
        }
        _ => return format!("TLS with it failed: {error}"),
    };
    format!("TLS with it failed: {error} ({hint})")
}
