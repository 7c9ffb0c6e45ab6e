//! Whether a value stands in a file in which it should not.

use std::path::Path;

use control::{Lookup as _, View};
use deploy_spec::{Fault, SecretPath};
use env_pack::SecretBytes;

use super::DevStore;

/// Shorter values stand in innocent files by chance.
const LEAK_MIN: usize = 8;
/// What is searched for leaks, of the environment's folder. Sealed values and bundles are not.
const SEARCHED: [&str; 12] = [
    "environment.json",
    "deployments",
    "retired",
    "revisions",
    "splits",
    "index",
    "ledger",
    "journal",
    "commits",
    "audit",
    "backups",
    "runtime-config.json",
];

impl DevStore {
    /// The files of the environment in which the present value of a secret stands, and the secret.
    ///
    /// # Errors
    /// When the records or a file cannot be read.
    pub fn leaks(&self, view: &dyn View) -> Result<Vec<(String, String)>, Fault> {
        let mut values = Vec::new();
        for path in view.secret_paths()? {
            let value = self.value(view, &path).ok();
            values.extend(value.filter(|v| v.reveal().len() >= LEAK_MIN).map(|v| (path, v)));
        }
        let mut found = Vec::new();
        if values.is_empty() {
            return Ok(found);
        }
        for name in SEARCHED {
            search(&self.store.folder().join(name), &values, &mut found).map_err(|error| {
                Fault::unavailable(format!("searching `{name}` for secrets failed: {error}"))
            })?;
        }
        Ok(found)
    }
}

fn search(
    path: &Path,
    values: &[(SecretPath, SecretBytes)],
    found: &mut Vec<(String, String)>,
) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            search(&entry?.path(), values, found)?;
        }
        return Ok(());
    }
    let bytes = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        read => read?,
    };
    for (secret, value) in values {
        if memchr::memmem::find(&bytes, value.reveal()).is_some() {
            found.push((path.display().to_string(), secret.to_string()));
        }
    }
    Ok(())
}
