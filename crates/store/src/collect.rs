//! Removing bundles that no revision needs any more, and env-packs that no slot is pinned to.
//!
//! `revisions stage` takes a bundle in before it commits the revision that needs it, and holds no
//! lock between the two; `env-packs add` does the same with a component. What was taken in less than
//! [`YOUNG`] ago therefore stays: nobody stages for that long. What is older is looked for in the
//! bindings, present, past and removed, and in every revision record, live or archived, while
//! the lock is held, so that no commit can come between looking and removing. Staging by digest
//! takes nothing in; [`EnvironmentStore::refresh_artifact`] makes such a bundle young again first.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, FileTimes};
use std::io;
use std::time::{Duration, SystemTime};

use control::Lookup as _;
use deploy_spec::{Digest, Fault, Timestamp};
use serde::Serialize;

use crate::artifacts::FOLDER;
use crate::corrupt::io_fault;
use crate::lock::Holder;
use crate::prune::Removal;
use crate::root::EnvironmentStore;
use crate::snapshot::Snapshot;

/// How long a bundle or a draft stays that nobody needs yet.
const YOUNG: Duration = Duration::from_secs(3600);

/// A bundle that nothing needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectedArtifact {
    /// Its digest.
    pub digest: Digest,
    /// Its size and that of what stands beside it, in bytes.
    pub size_bytes: u64,
}

/// What became of the bundles, or would become of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// What went.
    pub removed: Vec<CollectedArtifact>,
    /// How many half-made copies of a crash went.
    pub drafts: usize,
    /// How many bundles stay.
    pub kept: usize,
}

/// The files of one bundle.
struct Found {
    names: Vec<String>,
    size_bytes: u64,
    newest: SystemTime,
}

impl EnvironmentStore {
    /// Removes the bundles and env-packs, and what stands beside them, that no revision record and no
    /// binding names, and drafts that a crash left; neither when younger than an hour by `now`, or from the future.
    ///
    /// # Errors
    /// As [`EnvironmentStore::write`]; `unavailable` when a revision record cannot be read: then
    /// nothing is removed.
    pub fn collect_artifacts(
        &self,
        now: Timestamp,
        removal: Removal,
        holder: &Holder,
    ) -> Result<Collected, Fault> {
        let writer = self.write(holder)?;
        let needed = needed(writer.view())?;
        let failed = |error: io::Error| io_fault(&self.id, "collecting in", FOLDER, &error);
        let found = self.found().map_err(failed)?;
        let young = SystemTime::from(now) - YOUNG;
        let mut collected = Collected::default();
        for (digest, found) in found {
            let Some(digest) = digest else {
                collected.drafts += self.remove_drafts(&found, young, removal).map_err(failed)?;
                continue;
            };
            if needed.contains(&digest) || found.newest > young {
                collected.kept += 1;
                continue;
            }
            if removal == Removal::Remove {
                self.remove_all(&found.names).map_err(failed)?;
            }
            collected.removed.push(CollectedArtifact { digest, size_bytes: found.size_bytes });
        }
        Ok(collected)
    }

    /// Makes a bundle that the environment holds as young as one that was just taken in; false
    /// when it holds none with this digest.
    ///
    /// # Errors
    /// `unavailable` when its file cannot be changed.
    pub fn refresh_artifact(&self, digest: &Digest, now: Timestamp) -> Result<bool, Fault> {
        let path = self.artifact(digest);
        let touched = File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_times(FileTimes::new().set_modified(now.into())));
        match touched {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io_fault(&self.id, "touching", FOLDER, &error)),
        }
    }

    /// What is in the folder, by bundle; drafts stand under none.
    fn found(&self) -> io::Result<BTreeMap<Option<Digest>, Found>> {
        let mut found: BTreeMap<Option<Digest>, Found> = BTreeMap::new();
        for name in self.disk.list(FOLDER)? {
            let digest = name.get(..64).and_then(|hex| format!("sha256:{hex}").parse().ok());
            let is_draft = name.contains(".draft-");
            if digest.is_none() && !is_draft {
                continue;
            }
            let meta = fs::symlink_metadata(self.folder.join(FOLDER).join(&name))?;
            let none = Found { names: Vec::new(), size_bytes: 0, newest: SystemTime::UNIX_EPOCH };
            let of = found.entry(digest.filter(|_| !is_draft)).or_insert(none);
            of.size_bytes += meta.len();
            of.newest = of.newest.max(meta.modified()?);
            of.names.push(name);
        }
        Ok(found)
    }

    fn remove_drafts(
        &self,
        found: &Found,
        young: SystemTime,
        removal: Removal,
    ) -> io::Result<usize> {
        let mut old = Vec::new();
        for name in &found.names {
            let meta = fs::symlink_metadata(self.folder.join(FOLDER).join(name))?;
            if meta.modified()? <= young {
                old.push(name.clone());
            }
        }
        if removal == Removal::Remove {
            self.remove_all(&old)?;
        }
        Ok(old.len())
    }

    fn remove_all(&self, names: &[String]) -> io::Result<()> {
        names.iter().try_for_each(|name| self.disk.remove(&format!("{FOLDER}/{name}")))
    }
}

fn needed(view: &Snapshot) -> Result<BTreeSet<Digest>, Fault> {
    let mut needed: BTreeSet<Digest> = view.environment()?.pinned_packs().cloned().collect();
    for id in view.deployment_ids()?.into_iter().chain(view.retired_ids()?) {
        needed.extend(view.revisions(id)?.into_iter().map(|revision| revision.bundle_digest));
    }
    Ok(needed)
}
