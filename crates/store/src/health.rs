//! What somebody else did to the store's files: who may read them, and what does not belong.

use std::fs;
use std::io;
use std::path::Path;

use deploy_spec::{BundleId, DeploymentId, Fault};
use serde::Serialize;

use crate::corrupt::io_fault;
use crate::root::EnvironmentStore;

/// A file or folder that is not as private as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PermissionProblem {
    /// Relative to the environment's folder; empty for the folder itself.
    pub path: String,
    /// Its mode in octal digits, or `owner` and the number of the account that owns it.
    pub found: String,
    /// The same, as it ought to be.
    pub wanted: String,
}

impl EnvironmentStore {
    /// The files that are not 0600, the folders that are not 0700, and what belongs to another
    /// account than the one that asks; nothing where files have neither. Sockets and links are not
    /// looked at.
    ///
    /// # Errors
    /// `not-found` when there is no such environment; `unavailable` when a folder cannot be read.
    pub fn permission_problems(&self) -> Result<Vec<PermissionProblem>, Fault> {
        self.must_exist()?;
        let mut problems = Vec::new();
        walk(&self.folder, "", &mut |path, meta| {
            let wanted = if meta.is_dir() { 0o700 } else { 0o600 };
            let mut problem = |found: String, wanted: String| {
                problems.push(PermissionProblem { path: path.to_owned(), found, wanted });
            };
            if let Some(mode) = host_fs::mode(meta).map(|mode| mode & 0o777)
                && mode != wanted
            {
                problem(format!("{mode:04o}"), format!("{wanted:04o}"));
            }
            if let Some((owner, me)) = host_fs::owner(meta).zip(host_fs::own_account())
                && owner != me
            {
                problem(format!("owner {owner}"), format!("owner {me}"));
            }
        })
        .map_err(|error| io_fault(&self.id, "looking at", "", &error))?;
        Ok(problems)
    }

    /// Files in the folders of records that are no records: nobody reads them, and they may be
    /// what somebody lost. Relative to the environment's folder, in order.
    ///
    /// # Errors
    /// As [`EnvironmentStore::permission_problems`].
    pub fn stray_files(&self) -> Result<Vec<String>, Fault> {
        self.must_exist()?;
        let mut strays = Vec::new();
        for folder in ["deployments", "retired", "revisions", "splits", "index"] {
            let top = self.folder.join(folder);
            if !top.exists() {
                continue;
            }
            walk(&top, folder, &mut |path, meta| {
                if !meta.is_dir() && !is_record(path) {
                    strays.push(path.to_owned());
                }
            })
            .map_err(|error| io_fault(&self.id, "looking at", folder, &error))?;
        }
        strays.sort();
        Ok(strays)
    }
}

/// Whether a file of this path is a record, or the draft of one.
fn is_record(path: &str) -> bool {
    let Some(path) = path.strip_suffix(".draft").unwrap_or(path).strip_suffix(".json") else {
        return false;
    };
    let is_ulid = |name: &str| name.parse::<DeploymentId>().is_ok();
    match path.split('/').collect::<Vec<_>>()[..] {
        ["deployments" | "retired", id] | ["index", "revisions", id] => is_ulid(id),
        ["revisions", of, id] => is_ulid(of) && is_ulid(id),
        ["splits", of, generation] => is_ulid(of) && generation.parse::<u64>().is_ok(),
        ["index", "bundles", bundle, id] => bundle.parse::<BundleId>().is_ok() && is_ulid(id),
        ["index", "routes", hex] => hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()),
        ["index", "deployments", page] => page == "root" || page.parse::<u64>().is_ok(),
        ["index", other, ..] => {
            !matches!(other, "revisions" | "bundles" | "deployments" | "routes")
        }
        _ => false,
    }
}

/// Shows every file and folder below `folder`, itself included, in no order.
fn walk(folder: &Path, name: &str, see: &mut dyn FnMut(&str, &fs::Metadata)) -> io::Result<()> {
    let meta = match fs::symlink_metadata(folder) {
        Ok(meta) => meta,
        // Somebody removed it in the meantime.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !meta.is_dir() && !meta.is_file() {
        return Ok(());
    }
    see(name, &meta);
    if meta.is_dir() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let below = entry.file_name();
            let below = below.to_string_lossy();
            let path = if name.is_empty() { below.into_owned() } else { format!("{name}/{below}") };
            walk(&entry.path(), &path, see)?;
        }
    }
    Ok(())
}
