//! What the bundles of revisions hold, for who compares them.

use bundle::{Archive, Entry, EntryKind};
use control::revisions::{Contents, FileFound};
use deploy_spec::{Fault, Revision};
use store::EnvironmentStore;

/// What the bundles of two revisions hold. Blocks: every file is read, unless both are the same
/// bundle; then no files are listed, because none differs.
///
/// # Errors
/// `not-found` when a bundle is gone; `refused` when it is not the one that was recorded, or cannot
/// be read.
pub fn contents(store: &EnvironmentStore, of: [&Revision; 2]) -> Result<[Contents; 2], Fault> {
    let [from, to] = of;
    let first = open(store, from)?;
    if from.bundle_digest == to.bundle_digest {
        let same = Contents { manifest: first.manifest().clone(), files: Vec::new() };
        return Ok([same.clone(), same]);
    }
    Ok([read(&first)?, read(&open(store, to)?)?])
}

fn open(store: &EnvironmentStore, revision: &Revision) -> Result<Archive, Fault> {
    let (digest, sequence) = (&revision.bundle_digest, revision.sequence);
    let path = store.artifact(digest);
    if !path.exists() {
        let why = format!("the bundle {digest} of r{sequence} is not in the environment any more");
        return Err(Fault::not_found(why)
            .hint(format!("gtc op revisions show {} {}", store.id(), revision.revision_id))
            .detail("bundle_digest", digest.as_str())
            .detail("bundle_source", revision.bundle_source.as_str()));
    }
    let archive = Archive::open(&path)?;
    let (found, _) = archive.digest()?;
    if found != *digest {
        let why = format!("the bundle of r{sequence} hashes to {found}, recorded is {digest}");
        return Err(Fault::refused(why).hint(format!("gtc op env doctor {}", store.id())));
    }
    Ok(archive)
}

fn read(archive: &Archive) -> Result<Contents, Fault> {
    let found = |entry: &Entry| match entry.kind {
        EntryKind::Directory => None,
        EntryKind::Symlink => Some(Ok(FileFound::Link {
            path: entry.path.clone(),
            target: entry.target.clone().unwrap_or_default(),
        })),
        EntryKind::File => Some(file(archive, entry)),
    };
    let files = archive.entries().iter().filter_map(found).collect::<Result<_, Fault>>()?;
    Ok(Contents { manifest: archive.manifest().clone(), files })
}

fn file(archive: &Archive, entry: &Entry) -> Result<FileFound, Fault> {
    let (digest, size_bytes) = bundle::file_digest(archive, &entry.path)?;
    let (path, executable) = (entry.path.clone(), entry.executable);
    Ok(FileFound::File { path, size_bytes, digest, executable })
}
