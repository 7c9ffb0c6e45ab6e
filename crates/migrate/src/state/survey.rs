//! What is in an old tree: what moves, what belongs to others, and what stands in the way.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use control::env::{Elsewhere, Leftover, MigrateStateFacts, StateMove};
use deploy_spec::EnvironmentId;
use rustix::fs::Access;
use store::{EnvironmentStore, Root};

use super::journal::LEGACY;
use crate::alias::DEV;

/// How many files and folders are moved at most.
const ENTRIES: usize = 200_000;
/// How many folders may lie within one another.
const DEPTH: usize = 64;

/// The folders below `from` that hold `<provider>/<tenant>/<environment>`.
pub(super) fn trees(from: &Path) -> Vec<PathBuf> {
    let mut places = vec![from.join("state/deploy"), from.join("deploy")];
    if from.file_name() == Some(OsStr::new("deploy")) {
        places.push(from.to_owned());
    }
    places.retain(|place| place.symlink_metadata().is_ok());
    places
}

/// Looks at everything in `trees`; nothing is changed.
pub(super) fn survey(store: &EnvironmentStore, trees: &[PathBuf]) -> MigrateStateFacts {
    let root = store.folder().parent().unwrap_or(store.folder()).to_owned();
    let mut survey = Survey {
        store,
        root: Root::new(root),
        found: MigrateStateFacts::default(),
        device: 0,
        left: ENTRIES,
    };
    for tree in trees {
        survey.found.trees.push(tree.display().to_string());
        survey.tree(tree);
    }
    survey.collisions();
    let Survey { mut found, .. } = survey;
    found.moves.sort();
    found.leftovers.sort();
    found.leftovers.dedup();
    found.elsewhere.sort();
    found
}

struct Survey<'a> {
    store: &'a EnvironmentStore,
    root: Root,
    found: MigrateStateFacts,
    /// The file system of the tree.
    device: u64,
    /// How many entries may still be met.
    left: usize,
}

impl Survey<'_> {
    fn tree(&mut self, tree: &Path) {
        match fs::symlink_metadata(tree) {
            Ok(meta) => self.device = meta.dev(),
            Err(error) => return self.leftover(tree, format!("cannot be read: {error}")),
        }
        if !self.is_folder(tree) {
            return;
        }
        for (path, provider) in self.level(tree, is_provider) {
            for (path, tenant) in self.level(&path, is_name) {
                for (path, name) in self.level(&path, |name| name.parse::<EnvironmentId>().is_ok())
                {
                    self.environment(&path, &name, &format!("{LEGACY}/{provider}/{tenant}"));
                }
            }
        }
    }

    /// The folders of a level whose names are such as belong there.
    fn level(&mut self, folder: &Path, is_good: fn(&str) -> bool) -> Vec<(PathBuf, String)> {
        let mut good = Vec::new();
        for path in self.entries(folder) {
            if !self.is_folder(&path) {
                continue;
            }
            match path.file_name().and_then(OsStr::to_str) {
                Some(name) if is_good(name) => good.push((path.clone(), name.to_owned())),
                _ => self.leftover(&path, "has a name that does not belong at this level"),
            }
        }
        good
    }

    fn environment(&mut self, folder: &Path, name: &str, to: &str) {
        let Ok(mut id) = name.parse::<EnvironmentId>() else { return };
        if name == DEV && !self.root.environment(&id).exists() {
            id = EnvironmentId::local();
        }
        if id != *self.store.id() {
            if self.root.environment(&id).exists() {
                let path = folder.display().to_string();
                self.found.elsewhere.push(Elsewhere { path, environment_id: id });
            } else {
                let make = if id.is_local() { "init".to_owned() } else { format!("create {id}") };
                self.leftover(
                    folder,
                    format!(
                        "belongs to environment `{id}`, which does not exist (`gtc op env {make}`)"
                    ),
                );
            }
            return;
        }
        for path in self.entries(folder) {
            let Some(name) = path.file_name().and_then(OsStr::to_str) else {
                self.leftover(&path, "has a name that is not UTF-8");
                continue;
            };
            let to = format!("{to}/{name}");
            if self.store.folder().join(&to).symlink_metadata().is_ok() {
                self.leftover(&path, format!("would replace `{to}`, which is there already"));
            }
            self.everything(&path, 0);
            self.found.moves.push(StateMove { from: path.display().to_string(), to });
        }
    }

    /// Looks at `path` and at all below it.
    fn everything(&mut self, path: &Path, depth: usize) {
        let Some(left) = self.left.checked_sub(1) else { return };
        self.left = left;
        if left == 0 || depth > DEPTH {
            let why = format!("lies beyond {ENTRIES} entries or {DEPTH} folders in one another");
            return self.leftover(path, why);
        }
        let meta = match fs::symlink_metadata(path) {
            Ok(meta) => meta,
            Err(error) => return self.leftover(path, format!("cannot be read: {error}")),
        };
        if meta.is_dir() {
            if self.is_folder(path) {
                self.entries(path).iter().for_each(|path| self.everything(path, depth + 1));
            }
        } else if let Some(why) = why_no_file(path, &meta) {
            self.leftover(path, why);
        }
    }

    /// Whether `path` is a folder of this tree that we may move things out of; else it is a leftover.
    fn is_folder(&mut self, path: &Path) -> bool {
        let why = match fs::symlink_metadata(path) {
            Err(error) => Some(format!("cannot be read: {error}")),
            Ok(meta) if !meta.is_dir() => {
                Some(format!("is {}, where a folder belongs", kind(&meta)))
            }
            Ok(meta) if meta.dev() != self.device => {
                Some("is another file system, mounted there".into())
            }
            Ok(meta) => why_not_ours(&meta).or_else(|| {
                let access = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
                let denied = rustix::fs::access(path, access).err();
                denied.map(|error| format!("cannot be changed: {error}"))
            }),
        };
        let is_good = why.is_none();
        if let Some(why) = why {
            self.leftover(path, why);
        }
        is_good
    }

    fn entries(&mut self, folder: &Path) -> Vec<PathBuf> {
        let read = || fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
        let entries: io::Result<Vec<PathBuf>> = read();
        match entries {
            Ok(mut entries) => {
                entries.sort_unstable();
                entries
            }
            Err(error) => {
                self.leftover(folder, format!("cannot be read: {error}"));
                Vec::new()
            }
        }
    }

    fn leftover(&mut self, path: &Path, why: impl Into<String>) {
        let path = path.display().to_string();
        self.found.leftovers.push(Leftover { path, why: why.into() });
    }

    /// Two things that would get one place: `dev` and `local` may both be there.
    fn collisions(&mut self) {
        let mut places = BTreeSet::new();
        let twice: Vec<StateMove> =
            self.found.moves.iter().filter(|m| !places.insert(m.to.clone())).cloned().collect();
        for StateMove { from, to } in twice {
            let why = format!("and another would both become `{to}`");
            self.found.leftovers.push(Leftover { path: from, why });
        }
    }
}

fn why_no_file(path: &Path, meta: &Metadata) -> Option<String> {
    if !meta.is_file() {
        return Some(format!("is {}", kind(meta)));
    }
    let opened = host_fs::open_plain(path);
    why_not_ours(meta).or_else(|| opened.err().map(|error| format!("cannot be read: {error}")))
}

fn why_not_ours(meta: &Metadata) -> Option<String> {
    let me = rustix::process::geteuid();
    let is_strange = meta.uid() != me.as_raw() && !me.is_root();
    is_strange.then(|| format!("belongs to account {}", meta.uid()))
}

fn kind(meta: &Metadata) -> &'static str {
    if meta.is_symlink() {
        "a symbolic link"
    } else if meta.is_dir() {
        "a folder"
    } else if meta.is_file() {
        "a file"
    } else {
        "a device, socket or pipe"
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn is_provider(name: &str) -> bool {
    is_name(name) && !name.contains('.')
}
