//! An open bundle: every check of a hostile archive is behind whoever holds one.

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use deploy_spec::{BundleManifest, Digest, Fault};

use crate::entry::{Entry, EntryKind, Format};
use crate::image::{Image, from_io};
use crate::limits::Limits;
use crate::links::{Found, Index};
use crate::names::{refuse, shown};
use crate::squash::Squash;
use crate::zipped::Zipped;
use crate::{manifest, squash, tree, zipped};

/// An open, checked bundle. Cloning is cheap; any number of threads may read at once.
#[derive(Clone)]
pub struct Archive(Arc<Inner>);

struct Inner {
    image: Arc<Image>,
    backend: Backend,
    entries: Vec<Entry>,
    index: Index,
    manifest: BundleManifest,
    limits: Limits,
}

enum Backend {
    Squash(Arc<Squash>),
    Zip(Zipped),
}

impl Archive {
    /// Opens a bundle and checks everything that can be checked without reading its files: names,
    /// kinds, links, totals, headers, and `bundle.yaml` with the paths it refers to. What it costs
    /// depends on the number of entries, not on their size.
    ///
    /// # Errors
    /// `not-found`; `invalid-input` when it is no bundle or its `bundle.yaml` is wrong (`pointer`,
    /// `line` and `column` in the details); `refused` when the archive is damaged, hostile or over
    /// a limit, with the offending entry in `details.entry`.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        Self::open_within(path, &Limits::default())
    }

    /// Opens a bundle within other limits than the defaults.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub fn open_within(path: &Path, limits: &Limits) -> Result<Self, Fault> {
        Self::from_image(Arc::new(Image::open(path)?), path, limits)
    }

    /// Opens the bundle in a file that is already open; `path` is for messages.
    pub(crate) fn from_image(
        image: Arc<Image>,
        path: &Path,
        limits: &Limits,
    ) -> Result<Self, Fault> {
        let magic = image.bytes(0, 4).unwrap_or_default();
        let (backend, entries) = if magic == squash::MAGIC {
            let (squash, entries) = Squash::open(Arc::clone(&image), limits)?;
            (Backend::Squash(Arc::new(squash)), entries)
        } else if magic == zipped::MAGIC {
            let (zip, entries) = Zipped::open(Arc::clone(&image), limits)?;
            (Backend::Zip(zip), entries)
        } else {
            let message = format!("`{}` is neither SquashFS nor ZIP", path.display());
            return Err(Fault::invalid(message)
                .hint("make one with `gtc bundle build DIR --output FILE.gtbundle`"));
        };
        let index = tree::check(&entries, Some(image.len()), limits)?;
        let text = manifest_text(&backend, &entries, &index, limits)?;
        let manifest = manifest::parse(&text)?;
        manifest::check_paths(&manifest, &entries, &index, limits, |_| None)?;
        let limits = *limits;
        Ok(Self(Arc::new(Inner { image, backend, entries, index, manifest, limits })))
    }

    /// What the bundle says about itself.
    #[must_use]
    pub fn manifest(&self) -> &BundleManifest {
        &self.0.manifest
    }

    /// Which of the two formats it is.
    #[must_use]
    pub fn format(&self) -> Format {
        match self.0.backend {
            Backend::Squash(_) => Format::Squashfs,
            Backend::Zip(_) => Format::Zip,
        }
    }

    /// Everything in it, sorted by path. Every entry's folder is listed too; the root is not.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0.entries
    }

    /// The entry of exactly this path; links are not followed.
    #[must_use]
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.0.index.get(path).map(|i| &self.0.entries[i])
    }

    /// The entry that a path leads to once links are followed; `None` for the root and for what
    /// is not there.
    #[must_use]
    pub fn follow(&self, path: &str) -> Option<&Entry> {
        match self.0.index.follow(&self.0.entries, "", path, &self.0.limits) {
            Ok(Found::Entry(i)) => Some(&self.0.entries[i]),
            Ok(Found::Root) | Err(_) => None,
        }
    }

    /// The whole of a file, in memory. Links are followed.
    ///
    /// # Errors
    /// As [`Archive::reader`], and `refused` when the file is not what the archive declares.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        match self.reader(path)?.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(unreadable(path, error)),
        }
    }

    /// Streams a file from where it is. Links are followed. The reader gives exactly the declared
    /// size or fails with an [`std::io::Error`] that holds a [`Fault`].
    ///
    /// # Errors
    /// `not-found` when there is no such file.
    pub fn reader(&self, path: &str) -> Result<Box<dyn Read + Send>, Fault> {
        let found = self.follow(path).and_then(|entry| self.0.index.get(&entry.path));
        let reader = found.and_then(|i| self.0.backend.reader(i));
        reader.ok_or_else(|| {
            Fault::not_found(format!("there is no file `{}` in the bundle", shown(path)))
                .hint("`gtc bundle inspect FILE` lists what is in it")
        })
    }

    /// SHA-256 and size in bytes of the archive file that is open, even when its path has been
    /// replaced since.
    ///
    /// # Errors
    /// `unavailable` when it cannot be read.
    pub fn digest(&self) -> Result<(Digest, u64), Fault> {
        self.0.image.digest().map_err(from_io)
    }

    /// Gives the archive file's own bytes, in order and in pieces.
    pub(crate) fn raw(&self, each: impl FnMut(&[u8])) -> std::io::Result<()> {
        self.0.image.each(each)
    }
}

/// Why the file at `path` cannot be read to its end.
pub(crate) fn unreadable(path: &str, error: std::io::Error) -> Fault {
    let mut fault = from_io(error);
    fault.message = format!("{}; it is `{}`", fault.message, shown(path));
    fault.detail("entry", shown(path))
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.0.manifest.bundle_id;
        write!(f, "Archive({id}, {}, {} entries)", self.format(), self.0.entries.len())
    }
}

impl Backend {
    fn reader(&self, index: usize) -> Option<Box<dyn Read + Send>> {
        match self {
            Self::Squash(squash) => squash.reader(index),
            Self::Zip(zip) => zip.reader(index),
        }
    }
}

fn manifest_text(
    backend: &Backend,
    entries: &[Entry],
    index: &Index,
    limits: &Limits,
) -> Result<Vec<u8>, Fault> {
    let name = manifest::NAME;
    let missing = || {
        Fault::invalid(format!("the archive has no file `{name}` at its root"))
            .hint("make one with `gtc bundle build DIR --output FILE.gtbundle`")
    };
    let at = index.get(name).filter(|i| entries[*i].kind == EntryKind::File).ok_or_else(missing)?;
    if entries[at].size > limits.manifest_bytes {
        return Err(refuse(name, format!("is larger than {} bytes", limits.manifest_bytes)));
    }
    let mut text = Vec::new();
    let mut reader = backend.reader(at).ok_or_else(missing)?;
    reader.read_to_end(&mut text).map_err(from_io)?;
    Ok(text)
}
