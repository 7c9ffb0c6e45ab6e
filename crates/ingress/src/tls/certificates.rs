//! The certificates of a server: read from files or got from an authority, replaced while it runs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use deploy_spec::Fault;
use rustls::ServerConfig;

use super::challenges::Challenges;
use super::pair::{CertificateFiles, Common, Pair, Validity};
use super::set::Names;

/// Certificates, chosen by the name that a client asks for (SNI). Connections keep the ones they
/// began with.
#[derive(Debug)]
pub struct Certificates {
    files: Vec<CertificateFiles>,
    /// The names whose certificates come from an authority, in lower case.
    issued: Vec<String>,
    common: Common,
    current: ArcSwap<Set>,
    /// Held by who puts another set in the place of this one.
    stamps: Mutex<Stamps>,
    challenges: Arc<Challenges>,
}

/// Certificates at one time.
#[derive(Debug)]
pub(super) struct Set {
    /// Those of the files in their order, and behind them those there are of an authority.
    pairs: Vec<Arc<Pair>>,
    /// Those of an authority, in the order of their names; none while it is awaited.
    issued: Vec<Option<Arc<Pair>>>,
    names: Names,
}

/// A certificate of an authority that can be shown by the [`Certificates`] that read it.
#[derive(Debug)]
pub struct Issued {
    at: usize,
    pair: Arc<Pair>,
}

impl Issued {
    /// What it is for, and for how long.
    #[must_use]
    pub fn validity(&self) -> &Validity {
        &self.pair.validity
    }
}

/// Of a file; none while it is absent.
type Stamp = Option<host_fs::Stamp>;

#[derive(Debug, Default)]
struct Stamps {
    /// Of the files as they were read.
    read: Vec<Stamp>,
    /// Of the files when they were last looked at.
    seen: Vec<Stamp>,
}

impl Certificates {
    /// Reads the files. The first certificate is shown to clients that ask for no name, or for one
    /// that none is for; of two that have a name the first is shown.
    ///
    /// # Errors
    /// `invalid-input` without files, or where one holds no certificate or key; `refused` for a key
    /// that others than its owner may read, or that does not belong to its certificate;
    /// `not-found` and `unavailable` where a file cannot be read.
    pub fn load(files: Vec<CertificateFiles>) -> Result<Self, Fault> {
        if files.is_empty() {
            return Err(Fault::invalid("TLS needs a certificate"));
        }
        Self::awaiting(files, &[])
    }

    /// Reads the files, and awaits a certificate for each of `names`, in lower case, that none of
    /// them is for: see [`awaited`](Self::awaited). They stand behind those of the files. Until one
    /// is [installed](Self::install), who asks for its name is refused.
    ///
    /// # Errors
    /// As [`load`](Self::load), but there may be no files.
    pub fn awaiting(files: Vec<CertificateFiles>, names: &[String]) -> Result<Self, Fault> {
        let tickets = rustls::crypto::ring::Ticketer::new();
        let tickets =
            tickets.map_err(|error| Fault::internal(format!("TLS cannot be set up: {error}")))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let common = Common { provider, tickets };
        let read = stamps(&files);
        let pairs = files.iter().map(|files| Pair::read(files, &common).map(Arc::new));
        let set = Set::new(pairs.collect::<Result<_, _>>()?, &[], Vec::new());
        let issued: Vec<_> = names.iter().filter(|name| !set.names.has(name)).cloned().collect();
        let none = vec![None; issued.len()];
        let set = Set::new(set.pairs, &issued, none);
        let stamps = Mutex::new(Stamps { seen: read.clone(), read });
        let (current, challenges) = (ArcSwap::from_pointee(set), Arc::default());
        Ok(Self { files, issued, common, current, stamps, challenges })
    }

    /// The names whose certificates come from an authority.
    #[must_use]
    pub fn awaited(&self) -> &[String] {
        &self.issued
    }

    /// The answers that are given to authorities that ask whose a name is.
    #[must_use]
    pub const fn challenges(&self) -> &Arc<Challenges> {
        &self.challenges
    }

    /// Reads a certificate for `name`, one of the [awaited](Self::awaited): a text in PEM with its
    /// key and its chain.
    ///
    /// # Errors
    /// `invalid-input` for what is no certificate or key, or for another name; `refused` for a key
    /// of another certificate.
    pub fn read(&self, name: &str, pem: &[u8]) -> Result<Issued, Fault> {
        let pair = Pair::of_pem(pem, name, &self.common)?;
        let at = self.issued.iter().position(|issued| issued == name);
        let is_for_it = Names::new([&*pair.validity.names].into_iter(), [].iter()).has(name);
        let wrong = || Fault::invalid(format!("this certificate is not for `{name}`"));
        let at = at.filter(|_| is_for_it).ok_or_else(wrong)?;
        Ok(Issued { at, pair: Arc::new(pair) })
    }

    /// Shows a certificate from now on.
    pub fn install(&self, certificate: Issued) {
        let _changing = self.changing();
        let before = self.current.load();
        let mut issued = before.issued.clone();
        issued[certificate.at] = Some(certificate.pair);
        let set = Set::new(self.of_files(&before).to_vec(), &self.issued, issued);
        self.current.store(Arc::new(set));
    }

    /// The certificates of the files, with the files of their chains.
    #[must_use]
    pub fn from_files(&self) -> Vec<(PathBuf, Validity)> {
        let chains = self.files.iter().map(|files| files.chain.clone());
        let pairs = self.current();
        chains.zip(self.of_files(&pairs).iter().map(|pair| pair.validity.clone())).collect()
    }

    /// Reads the files again; handshakes from now on see what is new. A pair that cannot be used
    /// is left as it was, and told.
    #[must_use]
    pub fn reload(&self) -> Vec<Fault> {
        let mut stamps_now = self.changing();
        let stamps = stamps(&self.files);
        let mut faults = Vec::new();
        let before = self.current.load();
        let pairs = self.files.iter().zip(self.of_files(&before)).map(|(files, before)| {
            Pair::read(files, &self.common).map_or_else(
                |fault| {
                    faults.push(fault);
                    Arc::clone(before)
                },
                Arc::new,
            )
        });
        let set = Set::new(pairs.collect(), &self.issued, before.issued.clone());
        self.current.store(Arc::new(set));
        *stamps_now = Stamps { seen: stamps.clone(), read: stamps };
        faults
    }

    /// Reads the files again if they are others than when they were read, and were the same the
    /// last time this was asked: who writes a chain and then a key is waited for. None when nothing
    /// was read.
    #[must_use]
    pub fn reload_changed(&self) -> Option<Vec<Fault>> {
        let now = stamps(&self.files);
        {
            let mut stamps = self.changing();
            let at_rest = stamps.seen == now;
            stamps.seen.clone_from(&now);
            if !at_rest || stamps.read == now {
                return None;
            }
        }
        Some(self.reload())
    }

    pub(super) fn current(&self) -> Arc<Set> {
        self.current.load_full()
    }

    fn of_files<'s>(&self, set: &'s Set) -> &'s [Arc<Pair>] {
        &set.pairs[..self.files.len()]
    }

    fn changing(&self) -> MutexGuard<'_, Stamps> {
        self.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Set {
    fn new(from_files: Vec<Arc<Pair>>, awaited: &[String], issued: Vec<Option<Arc<Pair>>>) -> Self {
        let mut pairs = from_files;
        pairs.extend(issued.iter().flatten().cloned());
        let names = Names::new(pairs.iter().map(|pair| &*pair.validity.names), awaited.iter());
        Self { pairs, issued, names }
    }

    /// Which certificate is for a name, which is in lower case; none where none may be shown.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.find(name)
    }

    pub(super) fn config(&self, index: usize) -> Arc<ServerConfig> {
        Arc::clone(&self.pairs[index].config)
    }
}

fn stamps(files: &[CertificateFiles]) -> Vec<Stamp> {
    let all = files.iter().flat_map(|files| [&files.chain, &files.key]);
    all.map(|path| std::fs::metadata(path).ok().map(|meta| host_fs::Stamp::of(&meta))).collect()
}
