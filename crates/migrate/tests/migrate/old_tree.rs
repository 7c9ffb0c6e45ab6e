//! An old state tree and an environment to move it to, and a disk that stops when it is told to.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use deploy_spec::{EnvironmentId, Fault, Timestamp};
use migrate::state::{Moved, RealSteps, Steps, migrate_state_by};
use store::{EnvironmentStore, Holder, Root};

pub(crate) struct OldTree {
    dir: tempfile::TempDir,
}

/// Files by path, and what they hold.
pub(crate) type Files = BTreeMap<String, String>;

impl OldTree {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self { dir: tempfile::tempdir().unwrap() };
        for environment in ["local", "prod"] {
            tree.write(&format!("environments/{environment}/environment.json"), "{}");
        }
        files.iter().for_each(|(path, text)| tree.write(path, text));
        tree
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.home().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn store(&self, id: &str) -> EnvironmentStore {
        let id: EnvironmentId = id.parse().unwrap();
        Root::new(self.at("environments")).environment(&id)
    }

    pub(crate) fn migrate_by(&self, steps: &dyn Steps, id: &str) -> Result<Moved, Fault> {
        migrate_state_by(steps, &self.store(id), &self.home(), &holder())
    }

    pub(crate) fn migrate(&self) -> Result<Moved, Fault> {
        self.migrate_by(&RealSteps, "local")
    }

    /// Every file below `folder`.
    pub(crate) fn files(&self, folder: &str) -> Files {
        let mut files = Files::new();
        collect(&self.at(folder), "", &mut files);
        files
    }
}

fn collect(folder: &Path, name: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let below = format!("{name}{}", path.file_name().unwrap().to_string_lossy());
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            collect(&path, &format!("{below}/"), files);
        } else {
            let is_file = fs::symlink_metadata(&path).unwrap().is_file();
            let text = if is_file { fs::read_to_string(&path).unwrap() } else { "special".into() };
            files.insert(below, text);
        }
    }
}

pub(crate) fn holder() -> Holder {
    let since = Timestamp::from_second(1_000).unwrap();
    Holder { user: "ann".into(), pid: 1, command: "env migrate-state".into(), since }
}

/// What goes wrong, counted in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Nothing,
    /// This step is not done and reported as failed; the following ones are done.
    FailOnce(usize),
    /// From this step on nothing is done: the process was killed.
    StopAt(usize),
}

/// The real disk, until it stops; perhaps as two disks that nothing can be renamed between.
pub(crate) struct Stopping {
    trouble: Trouble,
    /// What lies below it is on another disk than what does not.
    border: Option<PathBuf>,
    done: Cell<usize>,
    log: RefCell<Vec<String>>,
}

impl Stopping {
    pub(crate) fn new(trouble: Trouble, border: Option<PathBuf>) -> Self {
        Self { trouble, border, done: Cell::new(0), log: RefCell::default() }
    }

    pub(crate) fn count(&self) -> usize {
        self.done.get()
    }

    pub(crate) fn last(&self) -> String {
        self.log.borrow().last().cloned().unwrap_or_default()
    }

    fn step(&self, what: &str, path: &Path) -> io::Result<()> {
        let n = self.done.replace(self.done.get() + 1);
        let stops = match self.trouble {
            Trouble::Nothing => false,
            Trouble::FailOnce(at) => n == at,
            Trouble::StopAt(at) => n >= at,
        };
        if stops {
            return Err(io::Error::other("the disk is gone"));
        }
        self.log.borrow_mut().push(format!("{what} {}", path.display()));
        Ok(())
    }

    fn is_across(&self, from: &Path, to: &Path) -> bool {
        self.border.as_ref().is_some_and(|disk| from.starts_with(disk) != to.starts_with(disk))
    }
}

impl Steps for Stopping {
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.step("make", folder)?;
        RealSteps.make_folder(folder)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if self.step("write", path).is_err() {
            RealSteps.write(path, &bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        RealSteps.write(path, bytes)
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.step("copy", to).is_err() {
            RealSteps.write(to, b"ha")?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        RealSteps.copy(from, to)
    }

    fn make_private(&self, path: &Path) -> io::Result<()> {
        self.step("make private", path)?;
        RealSteps.make_private(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename", to)?;
        if self.is_across(from, to) {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        RealSteps.rename(from, to)
    }

    fn replace(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("replace", to)?;
        RealSteps.replace(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // What a sync keeps shows after a loss of power only; here the process dies.
        self.step("sync", folder)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step("remove", path)?;
        RealSteps.remove_file(path)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.step("remove", folder)?;
        RealSteps.remove_folder(folder)
    }
}
