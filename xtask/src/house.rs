//! The checkout as the chores see it: its files, and its crates with what they depend on.

use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

use crate::command;

/// The checkout.
pub(crate) struct House {
    /// Its root folder.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// The crates of the workspace.
    pub(crate) members: Vec<Member>,
}

/// A crate of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Its name.
    pub(crate) name: String,
    /// Its manifest, relative to the root.
    pub(crate) manifest: String,
    /// What its manifest names.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependencies.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    /// The name of the package.
    pub(crate) name: String,
    /// What it is needed for.
    pub(crate) kind: DependencyKind,
    /// Whether it is a crate of this workspace.
    pub(crate) ours: bool,
}

/// A file of the checkout that is committed or could be: what git ignores is not there.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// Its path, relative to the root.
    pub(crate) path: String,
    /// All of it; empty when it is not text.
    pub(crate) text: String,
}

impl File {
    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is the manifest of a workspace: ours, or that of a guest on its own.
    pub(crate) fn is_workspace(&self) -> bool {
        let is_manifest = self.path == "Cargo.toml" || self.path.ends_with("/Cargo.toml");
        is_manifest && self.text.lines().any(|line| line.trim() == "[workspace]")
    }
}

impl House {
    /// The checkout that the working folder is in.
    ///
    /// # Errors
    /// When cargo finds no workspace.
    pub(crate) fn find() -> Result<Self, String> {
        let metadata = MetadataCommand::new()
            .no_deps()
            .exec()
            .map_err(|error| format!("cargo does not describe this workspace: {error}"))?;
        let root = metadata.workspace_root.clone().into_std_path_buf();
        let members = metadata.packages.iter().map(|package| member(&root, package)).collect();
        let target = metadata.target_directory.clone().into_std_path_buf();
        Ok(Self { root, target, members })
    }

    /// Every file, sorted by path.
    ///
    /// # Errors
    /// When git does not list them or one cannot be read.
    pub(crate) fn files(&self) -> Result<Vec<File>, String> {
        let list = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let listed = command::ask(&self.root, &list)?;
        let mut paths: Vec<&str> = listed.split_terminator('\0').collect();
        paths.sort_unstable();
        paths.dedup();
        paths.into_iter().filter_map(|path| read(&self.root, path).transpose()).collect()
    }
}

/// A file; none when it was removed and git has not been told yet.
fn read(root: &Path, path: &str) -> Result<Option<File>, String> {
    match std::fs::read(root.join(path)) {
        Ok(bytes) => {
            let text = String::from_utf8(bytes).unwrap_or_default();
            Ok(Some(File { path: path.to_owned(), text }))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{path} cannot be read: {error}")),
    }
}

fn member(root: &Path, package: &Package) -> Member {
    let manifest = package.manifest_path.strip_prefix(root).unwrap_or(&package.manifest_path);
    let dependencies = package.dependencies.iter().map(|dependency| Dependency {
        name: dependency.name.clone(),
        kind: dependency.kind,
        ours: dependency.path.is_some(),
    });
    Member {
        name: package.name.to_string(),
        manifest: manifest.to_string(),
        dependencies: dependencies.collect(),
    }
}
