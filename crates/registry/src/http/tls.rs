//! Whom we believe to be who they say: the system's certificates, and a file of one's own.

use std::path::Path;
use std::sync::Arc;

use deploy_spec::Fault;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Bytes of a file of certificates, at most.
const CA_FILE_MAX: u64 = 4 << 20;

/// # Errors
/// `invalid-input` when the file cannot be read or holds no certificate.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, Fault> {
    let mut roots = RootCertStore::empty();
    // A machine without certificates of its own can still name some; so what fails here shows as
    // an issuer that is not known.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = ca_file {
        for certificate in certificates(file)? {
            let added = roots.add(certificate);
            added.map_err(|error| unusable(file, &error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::internal(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn unusable(file: &Path, why: &str) -> Fault {
    Fault::invalid(format!("`{}` is not a PEM file of certificates: {why}", file.display()))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let pem = crate::disk::read_small(file, CA_FILE_MAX);
    let pem = pem.map_err(|error| unusable(file, &error.to_string()))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let all = all.map_err(|error| unusable(file, &error.to_string()))?;
    if all.is_empty() { Err(unusable(file, "there is none in it")) } else { Ok(all) }
}
