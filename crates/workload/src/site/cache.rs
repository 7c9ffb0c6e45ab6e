//! The contents of small files, decompressed and kept while there is room.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use deploy_spec::{Digest, Fault};
use http::HeaderValue;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Equivalent, OptionsBuilder, Weighter};

use super::etag;

/// What is kept about a file besides its bytes, roughly, in bytes.
const OVERHEAD: u64 = 256;

/// A file in memory.
#[derive(Clone)]
pub(super) struct CachedFile {
    pub(super) bytes: Bytes,
    /// From the digest of the bytes, so that the same file keeps its tag in the next revision.
    pub(super) etag: HeaderValue,
}

/// The small files of every site of an engine, bounded by bytes.
pub(crate) struct FileCache {
    files: Cache<Key, CachedFile, ByBytes>,
    sites: AtomicU64,
}

/// Names a site among all that an engine has loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SiteId(u64);

#[derive(Clone, PartialEq, Eq)]
struct Key(SiteId, Arc<str>);

struct Sought<'a>(SiteId, &'a str);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Sought(self.0, &self.1).hash(state);
    }
}

impl Hash for Sought<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
        self.1.hash(state);
    }
}

impl Equivalent<Key> for Sought<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.0 == key.0 && *self.1 == *key.1
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, CachedFile> for ByBytes {
    fn weight(&self, key: &Key, file: &CachedFile) -> u64 {
        OVERHEAD + (key.1.len() + file.bytes.len()) as u64
    }
}

impl FileCache {
    /// A cache of at most `capacity` bytes.
    pub(crate) fn new(capacity: u64) -> Self {
        // Few shards, because a file must fit into one.
        let options = OptionsBuilder::new()
            .shards(4)
            .weight_capacity(capacity)
            .estimated_items_capacity((capacity / (16 << 10)).max(16) as usize)
            .build();
        let lifecycle = DefaultLifecycle::default();
        let files = match options {
            Ok(options) => {
                Cache::with_options(options, ByBytes, DefaultHashBuilder::default(), lifecycle)
            }
            Err(_) => Cache::with_weighter(16, capacity, ByBytes),
        };
        Self { files, sites: AtomicU64::new(0) }
    }

    pub(super) fn new_site(&self) -> SiteId {
        SiteId(self.sites.fetch_add(1, Ordering::Relaxed))
    }

    /// The file at `path`, read when it is not here.
    pub(super) fn get(
        &self,
        site: SiteId,
        path: &str,
        read: impl FnOnce() -> Result<Vec<u8>, Fault>,
    ) -> Result<CachedFile, Fault> {
        if let Some(file) = self.files.get(&Sought(site, path)) {
            return Ok(file);
        }
        // Boxed, so that what is kept is no larger than what is counted.
        let bytes = Bytes::from(read()?.into_boxed_slice());
        let file = CachedFile { etag: etag::of(&Digest::of(&bytes)), bytes };
        self.files.insert(Key(site, path.into()), file.clone());
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_once_and_the_cache_stays_small() {
        let cache = FileCache::new(1 << 20);
        let (one, two) = (cache.new_site(), cache.new_site());
        let file = |site, path: &str, bytes: &[u8]| {
            cache.get(site, path, || Ok(bytes.to_vec())).unwrap().bytes
        };
        assert_eq!(file(one, "a", b"first"), "first");
        assert_eq!(file(one, "a", b"read again"), "first");
        assert_eq!(file(two, "a", b"of another site"), "of another site");
        for i in 0..1_000 {
            file(one, &i.to_string(), &[0; 10_000]);
        }
        assert!(cache.files.weight() <= 1 << 20, "{}", cache.files.weight());
        assert!(cache.files.weight() > 1 << 18, "{}", cache.files.weight());
    }
}
