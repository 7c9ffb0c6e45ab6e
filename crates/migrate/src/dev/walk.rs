//! Everything below the roots, within bounds; no link is followed.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Search;

/// Folders that hold what a tool can make again, or what is history; nothing of it is a setting.
const PASSED_OVER: [&str; 6] = [".git", "node_modules", "target", "cache", "logs", "tmp"];

/// What is met on the way.
pub(super) enum Met<'a> {
    File(&'a Path, &'a Metadata),
    /// A folder; who looks says whether to go into it.
    Folder(&'a Path),
    /// Something that was not looked at, and why.
    Unseen(&'a Path, String),
}

/// Whether to go into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Into {
    Enter,
    PassBy,
}

/// Shows every file and folder, each once, in the order of their names.
pub(super) fn walk(search: &Search, see: &mut dyn FnMut(Met<'_>) -> Into) {
    let shunned = fs::canonicalize(&search.store_root).unwrap_or(search.store_root.clone());
    let mut walk =
        Walk { search, shunned, seen: BTreeSet::new(), left: search.bounds.entries, see };
    for root in &search.roots {
        match fs::canonicalize(root) {
            Ok(root) => walk.folder(&root, 0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => walk.unseen(root, &error),
        }
    }
}

struct Walk<'a> {
    search: &'a Search,
    /// The folder of environments.
    shunned: PathBuf,
    /// The folders met so far: roots may lie in one another.
    seen: BTreeSet<(u64, u64)>,
    /// How many entries may still be met.
    left: usize,
    see: &'a mut dyn FnMut(Met<'_>) -> Into,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) {
        if folder == self.shunned {
            return;
        }
        let names = fs::symlink_metadata(folder).and_then(|meta| {
            let is_new = self.seen.insert((meta.dev(), meta.ino()));
            if is_new { names(folder) } else { Ok(Vec::new()) }
        });
        match names {
            Ok(_) if depth > self.search.bounds.depth => {
                let why = format!("lies more than {} folders deep", self.search.bounds.depth);
                (self.see)(Met::Unseen(folder, why));
            }
            Ok(names) => names.iter().for_each(|name| self.entry(name, depth)),
            Err(error) => self.unseen(folder, &error),
        }
    }

    fn entry(&mut self, path: &Path, depth: usize) {
        let Some(left) = self.left.checked_sub(1) else { return };
        self.left = left;
        if left == 0 {
            let most = self.search.bounds.entries;
            let why = format!("and what comes behind it was not looked at: there are over {most}");
            (self.see)(Met::Unseen(path, why));
            return;
        }
        match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() => {
                let is_passed_over = path
                    .file_name()
                    .is_some_and(|name| PASSED_OVER.iter().any(|passed| name == *passed));
                if !is_passed_over && (self.see)(Met::Folder(path)) == Into::Enter {
                    self.folder(path, depth + 1);
                }
            }
            Ok(meta) if meta.is_file() => {
                (self.see)(Met::File(path, &meta));
            }
            Ok(_) => {}
            Err(error) => self.unseen(path, &error),
        }
    }

    fn unseen(&mut self, path: &Path, error: &io::Error) {
        (self.see)(Met::Unseen(path, format!("cannot be read: {error}")));
    }
}

fn names(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}
