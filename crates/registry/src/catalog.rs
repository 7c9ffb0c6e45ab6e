//! The provider catalog: a file, or a small artifact of a registry that is kept here.
//!
//! What is kept is hashed whenever it is used, and what is damaged is as good as absent. The files
//! are small, and are read and written without leaving the thread.

mod cache;
mod clean;

use std::path::PathBuf;

use deploy_spec::{Digest, Fault};
use serde::Serialize;

pub use cache::CachedCatalog;
pub use clean::{Clean, Cleaned};

use crate::client::Client;
use crate::disk::read_small;
use crate::document::media;
use crate::options::Options;
use crate::reference::{OciReference, Reference};
use cache::Cache;

/// Bytes of a catalog, at most.
pub(crate) const CATALOG_MAX: u64 = 16 << 20;

/// Whether the registry is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Freshness {
    /// When nothing is kept.
    #[default]
    Cached,
    /// Always; what is kept serves when that fails.
    Refresh,
    /// Never.
    Offline,
}

/// Where a catalog was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CatalogSource {
    /// The file that was named.
    File,
    /// What is kept for the reference.
    Cache,
    /// What is kept for the digest that the reference stood for last.
    DigestCache,
    /// The registry.
    Fetched,
}

/// A catalog that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResolvedCatalog {
    /// Its file.
    pub path: PathBuf,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Where it was taken from.
    pub source: CatalogSource,
    /// Whether a newer one was asked for in vain.
    pub stale: bool,
    /// Why it was in vain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The bytes that were hashed, which the file may not hold for ever.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// Finds catalogs, and keeps those of registries.
#[derive(Debug, Clone)]
pub struct Catalog {
    cache: Cache,
    options: Options,
}

impl Catalog {
    /// Keeps catalogs below `cache_root`, usually `.greentic/cache/provider-registry`, which is
    /// made when there is something to keep.
    #[must_use]
    pub const fn new(cache_root: PathBuf, options: Options) -> Self {
        Self { cache: Cache::new(cache_root), options }
    }

    /// The catalog that a reference stands for.
    ///
    /// # Errors
    /// `not-found` when there is no such file or artifact; `unavailable` when the registry may not
    /// or cannot be asked and nothing is kept; otherwise as [`Client::pull`].
    pub async fn resolve(
        &self,
        reference: &Reference,
        freshness: Freshness,
    ) -> Result<ResolvedCatalog, Fault> {
        let reference = match reference {
            Reference::File(path) => return file(path.clone()),
            Reference::Oci(reference) => reference,
        };
        match freshness {
            Freshness::Cached => match self.cache.get(reference) {
                Some(kept) => Ok(kept),
                None => self.fetch(reference).await,
            },
            Freshness::Offline => self.cache.get(reference).ok_or_else(|| absent(reference)),
            Freshness::Refresh => match self.fetch(reference).await {
                Ok(fetched) => Ok(fetched),
                Err(fault) => self.stale(reference, fault),
            },
        }
    }

    fn stale(&self, reference: &OciReference, fault: Fault) -> Result<ResolvedCatalog, Fault> {
        let Some(kept) = self.cache.get(reference) else { return Err(fault) };
        Ok(ResolvedCatalog { stale: true, warning: Some(fault.message), ..kept })
    }

    async fn fetch(&self, reference: &OciReference) -> Result<ResolvedCatalog, Fault> {
        let client = Client::new(&self.options)?;
        let wanted = media::CATALOG_LAYERS;
        let held = |digest: &Digest| self.cache.by_digest(digest);
        let (digest, bytes) = client.pull_small(reference, wanted, CATALOG_MAX, held).await?;
        let path = self.cache.put(reference, &digest, &bytes)?;
        let source = CatalogSource::Fetched;
        Ok(ResolvedCatalog { path, digest, source, stale: false, warning: None, bytes })
    }

    /// What is kept, by reference.
    ///
    /// # Errors
    /// `unavailable` when the cache is there and cannot be read.
    pub fn list(&self) -> Result<Vec<CachedCatalog>, Fault> {
        self.cache.list()
    }

    /// Removes what is kept.
    ///
    /// # Errors
    /// `not-found` when one is named that is not kept; `unavailable` when it cannot be removed.
    pub fn clean(&self, what: &Clean) -> Result<Cleaned, Fault> {
        clean::clean(&self.cache, what)
    }
}

fn file(path: PathBuf) -> Result<ResolvedCatalog, Fault> {
    let shown = path.display();
    let bytes = read_small(&path, CATALOG_MAX).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Fault::not_found(format!("there is no file `{shown}`")),
        _ => Fault::unavailable(format!("reading `{shown}` failed: {error}")),
    })?;
    let digest = Digest::of(&bytes);
    let source = CatalogSource::File;
    Ok(ResolvedCatalog { path, digest, source, stale: false, warning: None, bytes })
}

fn absent(reference: &OciReference) -> Fault {
    Fault::unavailable(format!(
        "`{reference}` is not kept here, whole, and offline nothing is fetched"
    ))
    .hint(format!(
        "gtc registry resolve {reference}, once, without --offline; or name a file instead"
    ))
}
