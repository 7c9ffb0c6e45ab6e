//! Where the admin API is reached by TLS, and by whom: on a loopback address, by who shows a
//! certificate of the operator's own authority.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use deploy_spec::{Fault, Timestamp};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The files that say who is who, in PEM.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    /// The authority of the clients' certificates.
    pub client_ca: &'a Path,
    /// What the server shows: its certificate, and what is between it and its authority.
    pub certificate: &'a Path,
    /// The key of the server's certificate.
    pub key: &'a Path,
}

/// An address with its listener, and what TLS demands there.
#[derive(Debug)]
pub struct Endpoint {
    pub(super) listener: TcpListener,
    pub(super) config: Arc<ServerConfig>,
    ends: Option<Timestamp>,
}

impl Endpoint {
    /// Takes the address; port 0 takes a free one.
    ///
    /// # Errors
    /// `invalid-input` when the address is not of this machine's loopback, or the credentials
    /// cannot be used; `unavailable` when the address is taken.
    pub fn bind(address: SocketAddr, credentials: &Credentials<'_>) -> Result<Self, Fault> {
        if !address.ip().is_loopback() {
            return Err(Fault::invalid(format!(
                "the admin API is for this machine only, and {address} can be reached from others"
            ))
            .hint(
                "--admin-bind 127.0.0.1:8433, and a tunnel such as ssh -L for who is elsewhere",
            ));
        }
        let shown = chain(credentials.certificate)?;
        let ends = shown.first().and_then(ends);
        let config = config(credentials, shown)?;
        let failed = |error: std::io::Error| {
            Fault::unavailable(format!("listening on {address} failed: {error}"))
                .hint("stop what listens there, or give another --admin-bind")
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self { listener, config: Arc::new(config), ends })
    }

    /// When the certificate ends that is shown; none when it does not say so.
    #[must_use]
    pub const fn ends(&self) -> Option<Timestamp> {
        self.ends
    }

    /// The address.
    ///
    /// # Errors
    /// `unavailable` when the system does not say.
    pub fn local_addr(&self) -> Result<SocketAddr, Fault> {
        self.listener.local_addr().map_err(|error| Fault::unavailable(error.to_string()))
    }
}

fn ends(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, read) = X509Certificate::from_der(certificate).ok()?;
    Timestamp::from_second(read.validity().not_after.timestamp()).ok()
}

fn config(
    credentials: &Credentials<'_>,
    shown: Vec<CertificateDer<'static>>,
) -> Result<ServerConfig, Fault> {
    let provider = Arc::new(default_provider());
    let authority = unusable(credentials.client_ca);
    let mut roots = RootCertStore::empty();
    for certificate in chain(credentials.client_ca)? {
        roots.add(certificate).map_err(|error| authority(&error))?;
    }
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let clients = clients.build().map_err(|error| authority(&error))?;
    let key = PrivateKeyDer::from_pem_file(credentials.key);
    // What is wrong with a key is told without a byte of it.
    let key = key.map_err(|_| unusable(credentials.key)(&"it holds no private key in PEM"))?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::internal(format!("TLS: {error}")))?
        .with_client_cert_verifier(clients)
        .with_single_cert(shown, key);
    let mut config = config.map_err(|error| unusable(credentials.certificate)(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates of a file, of which there is at least one.
fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let chain: Vec<_> = read.map_err(|error| unusable(path)(&error))?;
    match chain.is_empty() {
        true => Err(unusable(path)(&"it holds no certificate in PEM")),
        false => Ok(chain),
    }
}

fn unusable(path: &Path) -> impl Fn(&dyn std::fmt::Display) -> Fault {
    let path = path.display().to_string();
    move |why| {
        Fault::invalid(format!("`{path}` cannot be used for the admin API: {why}"))
            .hint("give certificates and an unencrypted key in PEM")
    }
}
