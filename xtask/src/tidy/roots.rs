//! What may lie at the root: the files a stranger expects, and folders that explain themselves.

use std::collections::BTreeSet;

use super::finding::Finding;
use crate::house::File;

const FILES: &[&str] = &[
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "clippy.toml",
    "deny.toml",
    "rustfmt.toml",
];

const FOLDERS: &[&str] = &[
    ".cargo", ".ci", ".config", "bench", "console", "crates", "docs", "examples", "fuzz", "packs",
    "tests", "xtask",
];

/// What a stranger looks for first.
const EXPECTED: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
];

/// What is at the root and does not belong there, and what is missing.
pub(crate) fn check(files: &[File]) -> Vec<Finding> {
    let mut strangers = BTreeSet::new();
    for file in files {
        let (name, belongs) = match file.path.split_once('/') {
            Some((folder, _)) => (folder, FOLDERS.contains(&folder)),
            None => (file.path.as_str(), FILES.contains(&file.path.as_str())),
        };
        if !belongs {
            strangers.insert(name);
        }
    }
    let missing = EXPECTED.iter().filter(|name| !files.iter().any(|file| file.path == **name));
    let strangers =
        strangers.into_iter().map(|name| Finding::file(name, "does not belong at the root"));
    strangers.chain(missing.map(|name| Finding::file(*name, "is missing"))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::{file, shown};
    use super::*;

    #[test]
    fn the_root_is_for_what_belongs_there() {
        let mut files: Vec<File> = EXPECTED.iter().map(|name| file(name, "")).collect();
        files.push(file("crates/gtc/src/notes.md", ""));
        assert!(check(&files).is_empty());
        files.extend([file("PLAN.md", ""), file("tmp/a", ""), file("tmp/b", "")]);
        files.retain(|file| file.path != "SECURITY.md");
        assert_eq!(
            shown(&check(&files)),
            [
                "PLAN.md: does not belong at the root",
                "tmp: does not belong at the root",
                "SECURITY.md: is missing",
            ]
        );
    }
}
