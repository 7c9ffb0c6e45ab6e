//! One certificate with its key, out of two files.

use std::fmt::Display;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deploy_spec::{Fault, Timestamp};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ProducesTickets};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use x509_parser::error::X509Error;
use x509_parser::prelude::{ASN1Time, FromDer as _, GeneralName, X509Certificate};
use zeroize::Zeroizing;

use super::{H2, HTTP_11};
use crate::date;

/// Bytes of one file, at most.
const FILE_MAX: u64 = 1 << 20;
/// From how many days before its end on a certificate is warned about: a third of the 90 days that
/// most are given, when whoever renews them should have.
const SOON_DAYS: u64 = 30;

/// Where a certificate is: two files in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and behind it those that lead to an authority.
    pub chain: PathBuf,
    /// Its private key, of which others than the owner of the file may have nothing.
    pub key: PathBuf,
}

/// What does not change from certificate to certificate.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) tickets: Arc<dyn ProducesTickets>,
}

/// A certificate that can be shown to clients.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) config: Arc<ServerConfig>,
    pub(super) validity: Validity,
}

/// What a certificate is for, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validity {
    /// The DNS names it is for, in lower case; `*.` stands for one label.
    pub names: Vec<String>,
    /// From when on.
    pub begins: Timestamp,
    /// Until when.
    pub ends: Timestamp,
}

impl Pair {
    /// Reads the files, and says in the log what they are.
    ///
    /// # Errors
    /// `not-found`, `refused` for a key that others may read or that is another's, `invalid-input`
    /// for what is no certificate or key.
    pub(super) fn read(files: &CertificateFiles, common: &Common) -> Result<Self, Fault> {
        let chain = chain(&files.chain)?;
        let key = || key(&files.key);
        let pair = Self::new(chain, key, common, (&files.chain.display(), &files.key.display()))?;
        tell_expiry(files, &pair.validity);
        Ok(pair)
    }

    /// Out of one text in PEM that holds key and chain; `shown` is what people call it.
    ///
    /// # Errors
    /// `invalid-input` for what is no certificate or key, `refused` for a key of another certificate.
    pub(super) fn of_pem(pem: &[u8], shown: &str, common: &Common) -> Result<Self, Fault> {
        let unusable = |error: rustls::pki_types::pem::Error| {
            Fault::invalid(format!("`{shown}` is not PEM: {error}"))
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let key = || PrivateKeyDer::from_pem_slice(pem).map_err(unusable);
        Self::new(chain.map_err(unusable)?, key, common, (&shown, &shown))
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: impl FnOnce() -> Result<PrivateKeyDer<'static>, Fault>,
        common: &Common,
        (chain_shown, key_shown): (&dyn Display, &dyn Display),
    ) -> Result<Self, Fault> {
        let unusable = |why: &dyn Display| {
            Fault::invalid(format!("`{chain_shown}` is not a usable certificate: {why}"))
        };
        let leaf = chain.first().ok_or_else(|| unusable(&"there is none in it"))?;
        let (_, leaf) = X509Certificate::from_der(leaf).map_err(|error| unusable(&error))?;
        let names = names(&leaf).map_err(|error| unusable(&error))?;
        let at = |time: ASN1Time| Timestamp::from_second(time.timestamp());
        let span = leaf.validity();
        let begins = at(span.not_before).map_err(|error| unusable(&error))?;
        let ends = at(span.not_after).map_err(|error| unusable(&error))?;
        let key =
            CertifiedKey::from_der(chain, key()?, &common.provider).map_err(
                |error| match error {
                    rustls::Error::InconsistentKeys(_) => Fault::refused(format!(
                        "`{key_shown}` is not the key of the certificate in `{chain_shown}`"
                    )),
                    error => Fault::invalid(format!(
                        "`{key_shown}` with `{chain_shown}` cannot be used: {error}"
                    )),
                },
            )?;
        let config = config(key, common).map_err(|error| unusable(&error))?;
        Ok(Self { config: Arc::new(config), validity: Validity { names, begins, ends } })
    }
}

fn config(key: CertifiedKey, common: &Common) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(common.provider.clone())
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![H2.to_vec(), HTTP_11.to_vec()];
    // The client keeps the session, sealed; nothing is kept for it here, and every thread can read
    // it. One ticket is what a client needs to come back.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = common.tickets.clone();
    config.send_tls13_tickets = 1;
    Ok(config)
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let mut pem = Vec::new();
    read(file, &open(file)?, &mut pem)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    all.map_err(|error| {
        Fault::invalid(format!("`{}` is not a PEM file of certificates: {error}", file.display()))
    })
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Fault> {
    let shown = path.display();
    let file = open(path)?;
    let meta = file.metadata().map_err(|error| unreadable(path, &error))?;
    if !host_fs::is_private(&meta) {
        return Err(Fault::refused(format!("others than its owner may use the key `{shown}`"))
            .hint(format!("chmod 600 {shown}")));
    }
    // Made large enough at once: what grows leaves copies behind.
    let size = usize::try_from(meta.len().min(FILE_MAX)).unwrap_or(0);
    let mut pem = Zeroizing::new(Vec::with_capacity(size + 1));
    read(path, &file, &mut pem)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
        Fault::invalid(format!("`{shown}` is not a PEM file with a private key: {error}"))
    })
}

fn open(path: &Path) -> Result<File, Fault> {
    let shown = path.display();
    // Asked first, because opening a pipe waits for a writer.
    match std::fs::metadata(path) {
        Ok(meta) if !meta.is_file() => Err(Fault::refused(format!("`{shown}` is no plain file"))),
        Ok(_) => File::open(path).map_err(|error| unreadable(path, &error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Fault::not_found(format!("there is no file `{shown}`")))
        }
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn read(path: &Path, file: &File, into: &mut Vec<u8>) -> Result<(), Fault> {
    let read = file.take(FILE_MAX + 1).read_to_end(into);
    let read = read.map_err(|error| unreadable(path, &error))?;
    if read as u64 > FILE_MAX {
        return Err(Fault::invalid(format!("`{}` is larger than 1 MiB", path.display())));
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::unavailable(format!("`{}` cannot be read: {error}", path.display()))
}

fn names(leaf: &X509Certificate<'_>) -> Result<Vec<String>, X509Error> {
    let found = leaf.subject_alternative_name()?;
    let all = found.iter().flat_map(|names| &names.value.general_names);
    let dns = all.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    Ok(dns.collect())
}

/// A certificate that is over is used all the same: its clients may know better, and a server that
/// does not start helps nobody.
fn tell_expiry(files: &CertificateFiles, validity: &Validity) {
    let until = validity.ends;
    let end = u64::try_from(until.as_second()).unwrap_or(0);
    let rest = end.checked_sub(date::unix_seconds());
    let chain = files.chain.display();
    let names = validity.names.join(" ");
    match rest {
        None => tracing::error!(%chain, %until, names, "a certificate has expired"),
        Some(rest) if rest < SOON_DAYS * 86_400 => {
            let days = rest / 86_400;
            tracing::warn!(%chain, %until, names, days, "a certificate expires soon");
        }
        Some(_) => tracing::info!(%chain, %until, names, "a certificate is used"),
    }
}
