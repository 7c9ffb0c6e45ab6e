//! The folder of kept catalogs:
//!
//! * `references/<hash of the reference>`: the bytes, one file for each reference,
//! * `digests/<hash of the bytes>`: the bytes, one file for each digest,
//! * `index/<hash of the reference>.json`: which digest a reference stood for last.
//!
//! Every file is replaced as a whole. The bytes by digest are written first and those by reference
//! last, so that between any two writes what the index names is there.

use std::io;
use std::path::{Path, PathBuf};

use deploy_spec::{Digest, Fault, Kind};
use serde::{Deserialize, Serialize};

use super::{CATALOG_MAX, CatalogSource, ResolvedCatalog};
use crate::folder::Folder;
use crate::reference::OciReference;

pub(super) const REFERENCES: &str = "references";
pub(super) const DIGESTS: &str = "digests";
pub(super) const INDEX: &str = "index";
const SCHEMA: &str = "greentic.provider-registry-index.v1";
/// Bytes of a file of the index, at most.
const ENTRY_MAX: u64 = 64 << 10;

/// What is kept for one reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CachedCatalog {
    /// The reference, as it was written.
    pub reference: String,
    /// The digest of the catalog's bytes.
    pub digest: Digest,
    /// The file for the reference.
    pub path: PathBuf,
    /// Bytes of the catalog; none when it is damaged or absent, and then it is fetched anew.
    pub size_bytes: Option<u64>,
    /// When the reference began to stand for this digest, as far as is known here.
    pub changed_at: Option<jiff::Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    schema: String,
    pub(super) reference: String,
    pub(super) digest: Digest,
}

#[derive(Debug, Clone)]
pub(super) struct Cache {
    root: PathBuf,
}

/// The name of what is kept for a reference: no two share one.
pub(super) fn name_of(reference: &str) -> String {
    Digest::of(reference.as_bytes()).hex().to_owned()
}

impl Cache {
    pub(super) const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn path(&self, folder: &str, name: &str) -> PathBuf {
        self.root.join(folder).join(name)
    }

    /// One of the three folders; none when nothing was ever kept in it.
    pub(super) fn folder(&self, name: &str) -> Result<Option<Folder>, Fault> {
        match Folder::open(&self.root.join(name)) {
            Ok(folder) => Ok(Some(folder)),
            Err(fault) if fault.kind == Kind::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    fn read(&self, folder: &str, name: &str, most: u64) -> Option<Vec<u8>> {
        self.folder(folder).ok()??.read_small(name, most).ok()?
    }

    /// The bytes with this digest, when they are kept and whole.
    pub(super) fn by_digest(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.proven(DIGESTS, digest.hex(), digest)
    }

    /// The bytes of a file, when they have this digest.
    pub(super) fn proven(&self, folder: &str, name: &str, digest: &Digest) -> Option<Vec<u8>> {
        self.read(folder, name, CATALOG_MAX).filter(|bytes| Digest::of(bytes) == *digest)
    }

    /// A file of the index, when it is whole and of the reference that its name says.
    pub(super) fn entry(&self, name: &str) -> Option<Entry> {
        let bytes = self.read(INDEX, &format!("{name}.json"), ENTRY_MAX)?;
        let entry: Entry = serde_json::from_slice(&bytes).ok()?;
        (entry.schema == SCHEMA && name_of(&entry.reference) == name).then_some(entry)
    }

    /// What is kept for a reference: by reference, else by the digest that the index names. What is
    /// missing of it is put back where that can be done.
    pub(super) fn get(&self, reference: &OciReference) -> Option<ResolvedCatalog> {
        let name = name_of(&reference.to_string());
        let digest = self.entry(&name)?.digest;
        let kept = |path, source, bytes| {
            let digest = digest.clone();
            ResolvedCatalog { path, digest, source, stale: false, warning: None, bytes }
        };
        if let Some(bytes) = self.proven(REFERENCES, &name, &digest) {
            return Some(kept(self.path(REFERENCES, &name), CatalogSource::Cache, bytes));
        }
        let bytes = self.by_digest(&digest)?;
        // A cache that cannot be written can still be read.
        let _ = self.keep(REFERENCES, &name, &bytes);
        Some(kept(self.path(DIGESTS, digest.hex()), CatalogSource::DigestCache, bytes))
    }

    /// Keeps the catalog that a reference stands for now; gives the file for the reference.
    ///
    /// # Errors
    /// `unavailable` when it cannot be written.
    pub(super) fn put(
        &self,
        reference: &OciReference,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<PathBuf, Fault> {
        let reference = reference.to_string();
        let name = name_of(&reference);
        let entry = Entry { schema: SCHEMA.to_owned(), reference, digest: digest.clone() };
        let index = serde_json::to_vec(&entry);
        let index = index.map_err(|error| Fault::internal(format!("an index entry: {error}")))?;
        self.keep(DIGESTS, digest.hex(), bytes)?;
        self.keep(INDEX, &format!("{name}.json"), &index)?;
        self.keep(REFERENCES, &name, bytes)?;
        Ok(self.path(REFERENCES, &name))
    }

    /// Writes a file, unless it holds just that.
    fn keep(&self, folder: &str, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        if self.read(folder, name, CATALOG_MAX).as_deref() == Some(bytes) {
            return Ok(());
        }
        let made = Folder::make(&self.root.join(folder))?;
        made.write(name, bytes).map_err(|error| self.failed("writing", folder, name, &error))
    }

    pub(super) fn failed(&self, doing: &str, folder: &str, name: &str, error: &io::Error) -> Fault {
        let path = self.path(folder, name);
        Fault::unavailable(format!("{doing} `{}` failed: {error}", path.display()))
    }

    /// The names in a folder, in order.
    pub(super) fn names(&self, folder: &str) -> Result<Vec<String>, Fault> {
        let Some(open) = self.folder(folder)? else { return Ok(Vec::new()) };
        open.names().map_err(|error| self.failed("reading", folder, "", &error))
    }

    /// # Errors
    /// `unavailable` when the index is there and cannot be read.
    pub(super) fn list(&self) -> Result<Vec<CachedCatalog>, Fault> {
        let names = self.names(INDEX)?;
        let entries = names.iter().filter_map(|name| self.entry(name.strip_suffix(".json")?));
        let mut all: Vec<CachedCatalog> = entries.map(|entry| self.describe(entry)).collect();
        all.sort_by(|a, b| a.reference.cmp(&b.reference));
        Ok(all)
    }

    fn describe(&self, entry: Entry) -> CachedCatalog {
        let name = name_of(&entry.reference);
        let bytes = self.proven(REFERENCES, &name, &entry.digest);
        let bytes = bytes.or_else(|| self.by_digest(&entry.digest));
        CachedCatalog {
            path: self.path(REFERENCES, &name),
            size_bytes: bytes.map(|bytes| bytes.len() as u64),
            changed_at: written(&self.path(INDEX, &format!("{name}.json"))),
            reference: entry.reference,
            digest: entry.digest,
        }
    }
}

fn written(path: &Path) -> Option<jiff::Timestamp> {
    let written = std::fs::metadata(path).ok()?.modified().ok()?;
    let written = jiff::Timestamp::try_from(written).ok()?;
    jiff::Timestamp::from_second(written.as_second()).ok()
}
