//! Looking at a bundle: what is in it, what pins it, and whether all of it can be read.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use deploy_spec::{
    BundleId, BundleManifest, Digest, Fault, ImageRef, Pack, PackId, PackKind, PathPrefix,
    UpstreamUrl,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::archive::{Archive, unreadable};
use crate::entry::{Entry, EntryKind, Format};
use crate::image::{Image, io_fault};
use crate::limits::Limits;

/// What a bundle is and holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// The file, as it was named.
    pub path: String,
    /// The bundle's name.
    pub bundle_id: BundleId,
    /// The bundle's version.
    pub version: String,
    /// Which archive format it is.
    pub format: Format,
    /// SHA-256 of the archive file.
    pub bundle_digest: Digest,
    /// Bytes of the archive file.
    pub size_bytes: u64,
    /// Bytes of all files together once expanded.
    pub expanded_bytes: u64,
    /// What runs, each with its own digest.
    pub packs: Vec<PackSummary>,
    /// The whole of `bundle.yaml`.
    pub manifest: BundleManifest,
    /// Everything in it, sorted by path.
    pub entries: Vec<Entry>,
}

/// One pack of a bundle, pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackSummary {
    /// The pack's name inside the bundle.
    pub pack_id: PackId,
    /// How it runs.
    pub kind: PackKind,
    /// Where it answers below the deployment's path prefix.
    pub public_path: PathPrefix,
    /// See [`pack_digest`].
    pub digest: Digest,
    /// Where an `upstream` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<UpstreamUrl>,
    /// Which image a `container` runs, where it is not in the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRef>,
}

/// A bundle of which every byte was read and held to what is declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The file, as it was named.
    pub path: String,
    /// The bundle's name.
    pub bundle_id: BundleId,
    /// The bundle's version.
    pub version: String,
    /// Which archive format it is.
    pub format: Format,
    /// SHA-256 of the archive file.
    pub bundle_digest: Digest,
    /// Bytes of the archive file.
    pub size_bytes: u64,
    /// Files, folders and links in it.
    pub entries: usize,
    /// Bytes of all files together, as they were read.
    pub expanded_bytes: u64,
}

/// SHA-256 and size in bytes of a file, read as a stream.
///
/// # Errors
/// `not-found`, `invalid-input` when it is not a file, `unavailable` when it cannot be read.
pub fn digest_file(path: &Path) -> Result<(Digest, u64), Fault> {
    Image::open(path)?.digest().map_err(|error| io_fault("read", path, &error))
}

/// Opens a bundle and describes it.
///
/// # Errors
/// As [`Archive::open`], and `refused` when a pack cannot be read to its end.
pub fn inspect(path: &Path) -> Result<Inspection, Fault> {
    let archive = Archive::open(path)?;
    let (bundle_digest, size_bytes) = archive.digest()?;
    let manifest = archive.manifest().clone();
    let pack = |pack: &Pack| {
        Ok(PackSummary {
            pack_id: pack.pack_id.clone(),
            kind: pack.kind,
            public_path: pack.public_path.clone(),
            digest: pack_digest(&archive, pack)?,
            url: pack.url.clone(),
            image: pack.image.clone(),
        })
    };
    Ok(Inspection {
        path: path.display().to_string(),
        bundle_id: manifest.bundle_id.clone(),
        version: manifest.version.to_string(),
        format: archive.format(),
        bundle_digest,
        size_bytes,
        expanded_bytes: archive.entries().iter().map(|entry| entry.size).sum(),
        packs: manifest.packs.iter().map(pack).collect::<Result<_, Fault>>()?,
        entries: archive.entries().to_vec(),
        manifest,
    })
}

/// Opens a bundle and reads every file in it to its end. With `expected`, its digest must be that
/// one; this is checked before anything in the archive is looked at.
///
/// # Errors
/// `refused` when the digest is another one (both are named), or when a file is not what the
/// archive declares (the file is named); otherwise as [`Archive::open`].
pub fn verify(path: &Path, expected: Option<&Digest>) -> Result<Verification, Fault> {
    let image = Arc::new(Image::open(path)?);
    let (digest, size_bytes) = image.digest().map_err(|error| io_fault("read", path, &error))?;
    if let Some(expected) = expected.filter(|expected| **expected != digest) {
        let message = format!("`{}` is {digest}, not {expected}", path.display());
        return Err(Fault::refused(message)
            .hint("fetch or build the bundle again, or name the digest that you mean")
            .detail("expected", expected.as_str())
            .detail("found", digest.as_str()));
    }
    let archive = Archive::from_image(image, path, &Limits::default())?;
    let mut expanded_bytes = 0;
    for entry in archive.entries().iter().filter(|entry| entry.kind == EntryKind::File) {
        expanded_bytes += file_digest(&archive, &entry.path)?.1;
    }
    Ok(Verification {
        path: path.display().to_string(),
        bundle_id: archive.manifest().bundle_id.clone(),
        version: archive.manifest().version.to_string(),
        format: archive.format(),
        bundle_digest: digest,
        size_bytes,
        entries: archive.entries().len(),
        expanded_bytes,
    })
}

/// The digest that pins one pack, the same in both archive formats.
///
/// `http-component` and `process`: SHA-256 of the file. `static`, and `container` with an image in the
/// bundle: SHA-256 of a listing of the folder, sorted by path, one line each:
/// `<path>\t<size>\t<digest>\n` for a file and `<path>\tlink\t<target>\n` for a link, with paths relative to the folder. No name can hold a tab or a line break. `upstream`:
/// SHA-256 of its URL. `container` with an image elsewhere: the digest of that.
///
/// # Errors
/// `not-found` when the pack is of another bundle; `refused` when a file cannot be read to its end.
pub fn pack_digest(archive: &Archive, pack: &Pack) -> Result<Digest, Fault> {
    if let Some(url) = &pack.url {
        return Ok(Digest::from_hash(Sha256::digest(url.as_str()).into()));
    }
    if let Some(image) = &pack.image {
        return Ok(image.digest());
    }
    let path = pack.file()?.as_str();
    match (pack.kind, archive.follow(path)) {
        (PackKind::Static | PackKind::Container, Some(folder)) => {
            folder_digest(archive, &format!("{}/", folder.path))
        }
        (PackKind::Static | PackKind::Container, None) => folder_digest(archive, ""),
        (PackKind::HttpComponent | PackKind::Process | PackKind::Upstream, _) => {
            Ok(file_digest(archive, path)?.0)
        }
    }
}

fn folder_digest(archive: &Archive, folder: &str) -> Result<Digest, Fault> {
    let mut listing = Sha256::new();
    for entry in archive.entries() {
        let Some(path) = entry.path.strip_prefix(folder) else { continue };
        match entry.kind {
            EntryKind::Directory => {}
            EntryKind::Symlink => {
                let target = entry.target.as_deref().unwrap_or_default();
                listing.update(format!("{path}\tlink\t{target}\n"));
            }
            EntryKind::File => {
                let (digest, size) = file_digest(archive, &entry.path)?;
                listing.update(format!("{path}\t{size}\t{digest}\n"));
            }
        }
    }
    Ok(Digest::from_hash(listing.finalize().into()))
}

/// SHA-256 and size in bytes of one file of a bundle, read as a stream. Links are followed.
///
/// # Errors
/// `not-found` when there is no such file; `refused` when it cannot be read to its end.
pub fn file_digest(archive: &Archive, path: &str) -> Result<(Digest, u64), Fault> {
    let mut reader = archive.reader(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((Digest::from_hash(hasher.finalize().into()), size)),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                size += n as u64;
            }
            Err(error) => return Err(unreadable(path, error)),
        }
    }
}
