//! What is asked of any certificate: that it can be read, is of its key, is good now, and is by its
//! authority (RFC 5280, by rustls).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deploy_spec::Timestamp;
use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A certificate, what is between it and its authority, and its key.
pub(super) struct Pair {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// The certificates of a PEM file, of which there is at least one.
pub(crate) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let chain: Vec<_> = read.map_err(|error| format!("holds no certificate in PEM: {error}"))?;
    match chain.is_empty() {
        true => Err("holds no certificate in PEM".into()),
        false => Ok(chain),
    }
}

/// The key of a PEM file. What is wrong is said without a byte of it.
pub(crate) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(path).map_err(|_| "holds no private key in PEM".into())
}

/// Whether the key is the certificate's.
pub(super) fn is_its_key(pair: &Pair) -> Result<(), String> {
    let key = default_provider().key_provider.load_private_key(pair.key.clone_key());
    let key = key.map_err(|_| "is of a kind that TLS does not use".to_owned())?;
    let together = CertifiedKey::new(pair.chain.clone(), key);
    together.keys_match().map_err(|_| "is not the key of the certificate".to_owned())
}

/// From when and until when it is good.
pub(super) fn validity(certificate: &CertificateDer<'_>) -> Option<(Timestamp, Timestamp)> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let at = |seconds| Timestamp::from_second(seconds).ok();
    let (from, until) = (parsed.validity().not_before, parsed.validity().not_after);
    Some((at(from.timestamp())?, at(until.timestamp())?))
}

/// Whether it is good at `now`.
pub(super) fn is_good(
    certificate: &CertificateDer<'_>,
    now: Timestamp,
) -> Result<Timestamp, String> {
    let (from, until) = validity(certificate).ok_or("is no certificate")?;
    if now < from {
        return Err(format!("is good only from {from}, and it is {now}"));
    }
    if now >= until {
        return Err(format!("ended at {until}, and it is {now}"));
    }
    Ok(until)
}

/// What a certificate is shown for.
#[derive(Debug, Clone, Copy)]
pub(super) enum For {
    Servers,
    Clients,
}

/// Whether `chain` leads to `authority`, and may be shown by such.
pub(super) fn is_by(
    chain: &[CertificateDer<'static>],
    authority: &CertificateDer<'static>,
    now: Timestamp,
    whom: For,
) -> Result<(), String> {
    let (end, between) = chain.split_first().ok_or("is empty")?;
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).map_err(|error| format!("is no authority: {error}"))?;
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    let provider = Arc::new(default_provider());
    let done = match whom {
        For::Servers => serves(end, between, &roots, now, &provider),
        For::Clients => {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            let verifier = verifier.build().map_err(|error| error.to_string())?;
            verifier.verify_client_cert(end, between, now).map(drop)
        }
    };
    done.map_err(|error| error.to_string())
}

fn serves(
    end: &CertificateDer<'static>,
    between: &[CertificateDer<'static>],
    roots: &RootCertStore,
    now: UnixTime,
    provider: &CryptoProvider,
) -> Result<(), rustls::Error> {
    let parsed = ParsedCertificate::try_from(end)?;
    let algorithms = provider.signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(&parsed, roots, between, now, algorithms)?;
    Ok(())
}
