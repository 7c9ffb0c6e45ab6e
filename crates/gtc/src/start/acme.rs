//! Certificates from an authority: what is asked for, and what is told of it.

use std::path::PathBuf;
use std::sync::Arc;

use ::acme::{Challenge, Contact, Directory, Domain, Keeper, Settings, World};
use clap::{Args, ValueEnum};
use deploy_spec::Fault;
use ingress::{Certificates, Validity};
use serve::{CertificateStatus, Plane, ambient};
use store::{EnvironmentStore, RealDisk};

/// How many names there may be: each has an order and a series of its own.
const DOMAINS_MAX: usize = 100;
/// Bytes of a file of authorities, at most.
const CA_MAX: u64 = 4 << 20;

#[derive(Debug, Args)]
#[command(next_help_heading = "Certificates by ACME")]
pub(super) struct AcmeArgs {
    /// Get a certificate for this name from an authority, and renew it; unless one of --tls-cert is
    /// for it
    #[arg(long, value_name = "NAME")]
    acme_domain: Vec<Domain>,
    /// Agree to the terms of service of the authority
    #[arg(long, requires = "acme_domain")]
    acme_agree_tos: bool,
    /// Whom the authority may write to, as mailto:ada@example.com
    #[arg(long, value_name = "URL", requires = "acme_domain")]
    acme_contact: Vec<Contact>,
    /// The authority: letsencrypt, letsencrypt-staging for tries, or the URL of a directory
    #[arg(long, value_name = "URL", default_value = "letsencrypt")]
    acme_directory: Directory,
    /// Who vouches for the server of the authority, in PEM, where the system does not
    #[arg(long, value_name = "FILE", requires = "acme_domain")]
    acme_ca: Option<PathBuf>,
    /// How the authority finds out whose a name is
    #[arg(long, value_enum, value_name = "WAY", default_value_t = Way::TlsAlpn01)]
    acme_challenge: Way,
}

/// How an authority finds out whose a name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    /// It asks by TLS at port 443 of the name, which leads to --tls-listen
    #[value(name = "tls-alpn-01")]
    TlsAlpn01,
    /// It asks by HTTP at port 80 of the name, which leads to --listen
    #[value(name = "http-01")]
    Http01,
}

impl AcmeArgs {
    /// The names that are asked for, each once.
    ///
    /// # Errors
    /// `invalid-input` when there are too many, or nobody agrees to the terms of the authority.
    pub(super) fn names(&self) -> Result<Vec<String>, Fault> {
        let mut names: Vec<String> = Vec::new();
        for domain in &self.acme_domain {
            if !names.iter().any(|name| name == domain.as_str()) {
                names.push(domain.as_str().to_owned());
            }
        }
        if !names.is_empty() && !self.acme_agree_tos {
            return Err(Fault::invalid("an authority wants its terms of service agreed to first")
                .hint("read them where its directory names them, then add --acme-agree-tos"));
        }
        if names.len() > DOMAINS_MAX {
            return Err(Fault::invalid(format!("--acme-domain takes {DOMAINS_MAX} names at most"))
                .hint("put a certificate of many names into --tls-cert"));
        }
        Ok(names)
    }

    /// Shows what is kept of `certificates`, and tells `plane` of all of them. Nobody is asked
    /// before it is started; none where nobody is to be.
    ///
    /// # Errors
    /// As [`Keeper::new`]; `invalid-input` when the file of authorities cannot be used.
    pub(super) fn keeper(
        &self,
        certificates: &Arc<Certificates>,
        plane: &Arc<Plane>,
        store: Option<&EnvironmentStore>,
    ) -> Result<Option<Keeper>, Fault> {
        let shown = Arc::clone(certificates);
        let of_files = move || shown.from_files().into_iter().map(of_file);
        if certificates.awaited().is_empty() {
            plane.shows_certificates(move || of_files().collect());
            return Ok(None);
        }
        let world = World { now: ambient::now, roll: ambient::roll };
        let home = store.cloned().unwrap_or_else(|| beside_a_document(plane));
        let keeper = Keeper::new(self.settings()?, home, Arc::clone(certificates), world)?;
        let states = keeper.states();
        plane.shows_certificates(move || {
            of_files().chain(states().into_iter().map(of_authority)).collect()
        });
        if self.acme_challenge == Way::Http01 {
            plane.answers_challenges(Arc::clone(certificates.challenges()));
        }
        Ok(Some(keeper))
    }

    fn settings(&self) -> Result<Settings, Fault> {
        let ca = self.acme_ca.as_deref().map(|file| {
            let read = std::fs::metadata(file).and_then(|meta| match meta.len() {
                0..=CA_MAX => std::fs::read(file),
                _ => Err(std::io::ErrorKind::FileTooLarge.into()),
            });
            read.map_err(|error| {
                Fault::invalid(format!("--acme-ca `{}` cannot be read: {error}", file.display()))
                    .hint("name a file of certificates in PEM")
            })
        });
        Ok(Settings {
            directory: self.acme_directory.clone(),
            ca: ca.transpose()?,
            contact: self.acme_contact.clone(),
            challenge: match self.acme_challenge {
                Way::TlsAlpn01 => Challenge::TlsAlpn01,
                Way::Http01 => Challenge::Http01,
            },
        })
    }
}

/// A document has no store, but private files can be in its folder.
fn beside_a_document(plane: &Plane) -> EnvironmentStore {
    let folder = plane.folder().to_owned();
    let disk = Arc::new(RealDisk::new(folder.clone()));
    EnvironmentStore::on(plane.environment_id().clone(), folder, disk)
}

fn of_file((file, validity): (PathBuf, Validity)) -> CertificateStatus {
    let Validity { names, ends, .. } = validity;
    let name = names.into_iter().next().unwrap_or_default();
    CertificateStatus { name, file: Some(file), ends: Some(ends), problem: None, again: None }
}

fn of_authority(state: ::acme::State) -> CertificateStatus {
    let (problem, again) = state.failed.map(|failed| (failed.fault, failed.again)).unzip();
    let ends = state.life.map(|life| life.ends);
    CertificateStatus { name: state.name.as_str().to_owned(), file: None, ends, problem, again }
}
