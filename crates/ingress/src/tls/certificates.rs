//! The certificates of a server: read from files, replaced while it runs.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use deploy_spec::Fault;
use rustls::ServerConfig;

use super::pair::{CertificateFiles, Common, Pair};
use super::set::Names;

/// Certificates, chosen by the name that a client asks for (SNI). Connections keep the ones they
/// began with.
#[derive(Debug)]
pub struct Certificates {
    files: Vec<CertificateFiles>,
    common: Common,
    current: ArcSwap<Set>,
    stamps: Mutex<Stamps>,
}

/// Certificates at one time.
#[derive(Debug)]
pub(super) struct Set {
    /// Never empty; in the order of the files.
    pairs: Vec<Arc<Pair>>,
    names: Names,
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
        let tickets = rustls::crypto::ring::Ticketer::new();
        let tickets =
            tickets.map_err(|error| Fault::internal(format!("TLS cannot be set up: {error}")))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let common = Common { provider, tickets };
        let read = stamps(&files);
        let pairs = files.iter().map(|files| Pair::read(files, &common).map(Arc::new));
        let set = Set::new(pairs.collect::<Result<_, _>>()?);
        let stamps = Stamps { seen: read.clone(), read };
        let current = ArcSwap::from_pointee(set);
        Ok(Self { files, common, current, stamps: Mutex::new(stamps) })
    }

    /// Reads the files again; handshakes from now on see what is new. A pair that cannot be used
    /// is left as it was, and told.
    #[must_use]
    pub fn reload(&self) -> Vec<Fault> {
        let mut stamps_now = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        let stamps = stamps(&self.files);
        let mut faults = Vec::new();
        let before = self.current.load();
        let pairs = self.files.iter().zip(&before.pairs).map(|(files, before)| {
            Pair::read(files, &self.common).map_or_else(
                |fault| {
                    faults.push(fault);
                    Arc::clone(before)
                },
                Arc::new,
            )
        });
        let set = Set::new(pairs.collect());
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
            let mut stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
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
}

impl Set {
    fn new(pairs: Vec<Arc<Pair>>) -> Self {
        let names = Names::new(pairs.iter().map(|pair| pair.names.as_slice()));
        Self { pairs, names }
    }

    /// Which certificate is for a name, which is in lower case.
    pub(super) fn find(&self, name: &str) -> usize {
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
