//! Compiled components on disk, mapped back at the next start.
//!
//! Compiled code runs with all the rights of the process, so that it is taken only from a directory
//! and files that nobody else can write. Against damage, of a disk or by a loss of power, it is taken
//! only when it has the checksum that was recorded when it was made; who could write the one could
//! write the other, so that no more than a checksum is of use. Anything else is ignored and compiled
//! anew.

use std::fs::{self, File};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use deploy_spec::{Digest, Fault, InnerPath};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// How much of a file is read at once.
const PIECE: usize = 64 << 10;

/// A directory of compiled components: `<key>.cwasm`, and its checksum in `<key>.sum`. Which key the
/// component of a bundle has is in `<place>.key`, so that a component that was compiled is not read.
pub(super) struct CodeCache {
    dir: PathBuf,
}

impl CodeCache {
    pub(super) fn open(dir: PathBuf) -> Result<Self, Fault> {
        let unusable = |error: io::Error| {
            let dir = dir.display();
            Fault::unavailable(format!("cannot use `{dir}` as a cache of compiled code: {error}"))
        };
        host_fs::private_folder().recursive(true).create(&dir).map_err(unusable)?;
        let found = fs::symlink_metadata(&dir).map_err(unusable)?;
        if !found.is_dir() || !is_ours_alone(&found) {
            let dir = dir.display();
            let why = "it must be a directory of this user that nobody else may enter";
            return Err(Fault::refused(format!("`{dir}` cannot hold compiled code: {why}"))
                .hint(format!("chown and chmod 700 {dir}, or name another directory")));
        }
        Ok(Self { dir })
    }

    /// Names the code that an engine of `version` makes of a component.
    pub(super) fn key(component: &[u8], version: &str) -> String {
        let mut hasher = Sha256::new();
        hasher.update(Digest::of(component).as_str());
        hasher.update(version);
        Digest::from_hash(hasher.finalize().into()).hex().to_owned()
    }

    /// Names a component by where it is: the digest of its bundle, and its path in there.
    pub(super) fn place(bundle: &Digest, path: &InnerPath, version: &str) -> String {
        let mut hasher = Sha256::new();
        // A version has no line break, nor has a digest.
        for part in [version, bundle.as_str(), path.as_str()] {
            hasher.update(part);
            hasher.update("\n");
        }
        Digest::from_hash(hasher.finalize().into()).hex().to_owned()
    }

    /// The code of the component at a place, if it was compiled and is still there.
    pub(super) fn at(&self, engine: &Engine, place: &str) -> Option<Component> {
        let key = read_ours(&self.path(place, "key")).ok()?;
        let key = std::str::from_utf8(&key).ok().filter(|key| is_key(key))?;
        self.get(engine, key)
    }

    /// Remembers which key the component at a place has.
    pub(super) fn remember(&self, place: &str, key: &str) {
        self.kept(self.write(place, "key", key.as_bytes()));
    }

    pub(super) fn get(&self, engine: &Engine, key: &str) -> Option<Component> {
        let path = self.path(key, "cwasm");
        if !path.exists() {
            return None;
        }
        let found = self.intact(key).and_then(|()| {
            map(engine, &path).map_err(|error| io::Error::other(format!("{error:#}")))
        });
        if let Err(error) = &found {
            tracing::warn!(path = %path.display(), "compiled code ignored: {error}");
        }
        found.ok()
    }

    /// Keeps compiled code; when it cannot, the next start compiles again.
    pub(super) fn put(&self, key: &str, code: &[u8]) {
        let mut sum = Sum::default();
        sum.add(code);
        let kept = self.write(key, "cwasm", code);
        self.kept(kept.and_then(|()| self.write(key, "sum", sum.text().as_bytes())));
    }

    fn kept(&self, kept: io::Result<()>) {
        if let Err(error) = kept {
            let dir = self.dir.display();
            tracing::warn!(%dir, "compiled code not kept: {error}");
        }
    }

    fn path(&self, key: &str, suffix: &str) -> PathBuf {
        self.dir.join(format!("{key}.{suffix}"))
    }

    /// Whether both files are ours alone and the code is what was recorded.
    fn intact(&self, key: &str) -> io::Result<()> {
        let mut code = open_ours(&self.path(key, "cwasm"))?;
        let (mut sum, mut piece) = (Sum::default(), vec![0; PIECE]);
        loop {
            match code.read(&mut piece)? {
                0 => break,
                n => sum.add(&piece[..n]),
            }
        }
        match read_ours(&self.path(key, "sum"))? == sum.text().as_bytes() {
            true => Ok(()),
            false => Err(io::Error::other("it is not what was written")),
        }
    }

    /// Writes beside and renames, so that nobody ever reads half a file.
    fn write(&self, key: &str, suffix: &str, bytes: &[u8]) -> io::Result<()> {
        static WRITES: AtomicU64 = AtomicU64::new(0);
        let n = WRITES.fetch_add(1, Ordering::Relaxed);
        let beside = self.path(key, &format!("{suffix}.{}-{n}", std::process::id()));
        let written = host_fs::private().write(true).create_new(true).open(&beside);
        let written = written.and_then(|mut file| file.write_all(bytes));
        let renamed = written.and_then(|()| fs::rename(&beside, self.path(key, suffix)));
        if renamed.is_err() {
            let _ = fs::remove_file(&beside);
        }
        renamed
    }
}

fn is_ours_alone(found: &fs::Metadata) -> bool {
    host_fs::owner(found) == host_fs::own_account() && host_fs::is_private(found)
}

fn is_key(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn open_ours(path: &Path) -> io::Result<File> {
    let file = host_fs::open_plain(path)?;
    let found = file.metadata()?;
    if !found.is_file() || !is_ours_alone(&found) {
        return Err(io::Error::other("others may write or read it, or it is not ours"));
    }
    Ok(file)
}

/// A small file.
fn read_ours(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_ours(path)?.take(PIECE as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A checksum of code, and how much there is of it.
#[derive(Default)]
struct Sum {
    crc: crc32fast::Hasher,
    length: u64,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.length += bytes.len() as u64;
    }

    fn text(self) -> String {
        format!("crc32:{:08x} of {}", self.crc.finalize(), self.length)
    }
}

#[expect(unsafe_code, reason = "mapping code that was compiled before is the point of the cache")]
fn map(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file is output of `Component::serialize` unchanged: it lies in a directory that
    // only this user can enter, belongs to this user, is mode 0600, and has the checksum that was
    // recorded when it was written (see `intact`). It is never written in place.
    unsafe { Component::deserialize_file(engine, path) }
}

/// What compiled code depends on besides the component: the engine's version, target and settings.
pub(super) fn version(engine: &Engine) -> String {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let hash = Digest::from_hash(hasher.0.finalize().into());
    format!("wasmtime-{}", &hash.hex()[..16])
}

/// Hashes with SHA-256, because the standard hasher may change between compilers.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let hash = self.0.clone().finalize();
        u64::from_le_bytes(std::array::from_fn(|i| hash[i]))
    }
}
