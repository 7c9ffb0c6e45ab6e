//! The folder of environments, and how one is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use deploy_spec::{EnvironmentId, Fault};

use crate::audit::ROTATE_AT;
use crate::corrupt::io_fault;
use crate::disk::{Disk, LockMode, RealDisk};
use crate::format;
use crate::layout::LOCK;
use crate::lock::{Guard, Holder};
use crate::snapshot::Snapshot;
use crate::writer::Writer;

/// How long a command waits for another one to finish.
const PATIENCE: Duration = Duration::from_secs(10);

/// The folder of environments.
#[derive(Debug, Clone)]
pub struct Root {
    path: PathBuf,
}

impl Root {
    /// The environments below `path`; nothing is touched yet.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The environments there are, in order of their names.
    ///
    /// # Errors
    /// `unavailable` when the folder is there and cannot be read.
    pub fn environments(&self) -> Result<Vec<EnvironmentId>, Fault> {
        let names = RealDisk::new(self.path.clone()).list("").map_err(|error| {
            Fault::unavailable(format!("listing `{}` failed: {error}", self.path.display()))
        })?;
        let ids = names.into_iter().filter_map(|name| name.parse().ok());
        Ok(ids.filter(|id| self.environment(id).exists()).collect())
    }

    /// One environment, whether it exists or not.
    #[must_use]
    pub fn environment(&self, id: &EnvironmentId) -> EnvironmentStore {
        let folder = self.path.join(id.as_str());
        let disk = Arc::new(RealDisk::new(folder.clone()));
        EnvironmentStore { id: id.clone(), folder, disk, patience: PATIENCE, rotate_at: ROTATE_AT }
    }
}

/// The state of one environment.
#[derive(Clone)]
pub struct EnvironmentStore {
    pub(crate) id: EnvironmentId,
    pub(crate) folder: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    patience: Duration,
    rotate_at: u64,
}

impl EnvironmentStore {
    /// The state that `disk` holds: for tests of what disks do to it, and for the private files of a
    /// folder that is no environment's.
    #[must_use]
    pub fn on(id: EnvironmentId, folder: PathBuf, disk: Arc<dyn Disk>) -> Self {
        Self { id, folder, disk, patience: PATIENCE, rotate_at: ROTATE_AT }
    }

    /// This store, waiting for its lock no longer than `patience`.
    #[must_use]
    pub const fn patient_for(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// This store, beginning a new file of the audit log when one has this many bytes.
    #[must_use]
    pub const fn rotating_at(mut self, bytes: u64) -> Self {
        self.rotate_at = bytes;
        self
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> &EnvironmentId {
        &self.id
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether anything of it was ever made, or cannot be looked at.
    #[must_use]
    pub fn exists(&self) -> bool {
        match self.disk.list("") {
            Ok(names) => !names.is_empty(),
            Err(error) => error.kind() != std::io::ErrorKind::NotADirectory,
        }
    }

    /// What is, at this moment.
    ///
    /// # Errors
    /// `not-found` when there is no such environment; `unavailable` when somebody writes for too
    /// long, or the disk cannot be read.
    pub fn read(&self) -> Result<Snapshot, Fault> {
        self.must_exist()?;
        let guard = self.lock(LockMode::Shared)?;
        format::check(&self.id, &*self.disk)?;
        Snapshot::take(self.id.clone(), self.disk.clone(), Some(guard))
    }

    /// The right to change.
    ///
    /// # Errors
    /// As [`EnvironmentStore::read`].
    pub fn write(&self, holder: &Holder) -> Result<Writer, Fault> {
        self.must_exist()?;
        self.write_unchecked(holder)
    }

    /// The right to change, making the environment's folder if need be.
    ///
    /// # Errors
    /// `unavailable` when the folder cannot be made, or as [`EnvironmentStore::read`].
    pub fn write_new(&self, holder: &Holder) -> Result<Writer, Fault> {
        self.make_folder()?;
        self.write_unchecked(holder)
    }

    /// Makes the environment's folder if need be, durably.
    pub(crate) fn make_folder(&self) -> Result<(), Fault> {
        if self.exists() {
            return Ok(());
        }
        make_durably(&self.folder).map_err(|error| {
            io_fault(&self.id, "making the folder", &self.folder.display().to_string(), &error)
        })
    }

    fn write_unchecked(&self, holder: &Holder) -> Result<Writer, Fault> {
        let guard = self.lock(LockMode::Exclusive)?;
        if !format::check(&self.id, &*self.disk)? {
            format::mark(&self.id, &*self.disk)?;
        }
        Writer::new(self.id.clone(), self.disk.clone(), guard, holder, self.rotate_at)
    }

    pub(crate) fn must_exist(&self) -> Result<(), Fault> {
        if self.exists() {
            return Ok(());
        }
        let make = if self.id.is_local() { "init".into() } else { format!("create {}", self.id) };
        Err(Fault::not_found(format!(
            "there is no environment `{}` in `{}`",
            self.id,
            self.folder.parent().unwrap_or(&self.folder).display()
        ))
        .hint(format!("gtc op env {make}")))
    }

    pub(crate) fn lock(&self, mode: LockMode) -> Result<Guard, Fault> {
        self.disk.lock(mode, self.patience).map_err(|error| {
            if error.kind() != std::io::ErrorKind::WouldBlock {
                return self.whose(io_fault(&self.id, "locking", LOCK, &error), &error);
            }
            let text = self.disk.read(LOCK).ok().flatten().unwrap_or_default();
            let holder = serde_json::from_slice::<Holder>(&text)
                .map_or_else(|_| "another process".to_owned(), |holder| holder.to_string());
            Fault::unavailable(format!(
                "environment `{}` is locked by {holder}; waited {} ms",
                self.id,
                self.patience.as_millis()
            ))
            .hint("ask again when it is done")
            .detail("holder", holder)
        })
    }
}

impl EnvironmentStore {
    /// Says to whom the store belongs, when that is what is wrong.
    fn whose(&self, fault: Fault, error: &std::io::Error) -> Fault {
        let owner = std::fs::metadata(&self.folder).ok().and_then(|meta| host_fs::owner(&meta));
        match owner.zip(host_fs::own_account()) {
            Some((owner, me)) if error.kind() == std::io::ErrorKind::PermissionDenied => fault
                .hint(format!(
                    "`{}` belongs to account {owner}, this is account {me}: run as its owner",
                    self.folder.display()
                ))
                .detail("owner", owner),
            _ => fault,
        }
    }
}

fn make_durably(folder: &Path) -> std::io::Result<()> {
    host_fs::private_folder().recursive(true).create(folder)?;
    for above in folder.ancestors().skip(1) {
        // What cannot be opened or synced (the root of a read-only image) was not made by us.
        let _ = host_fs::sync_folder(above);
    }
    Ok(())
}
