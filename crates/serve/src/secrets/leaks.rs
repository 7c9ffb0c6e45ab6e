//! Whether a value stands in a file in which it should not.

use std::path::Path;

use control::{Lookup as _, View};
use deploy_spec::{Fault, SecretPath, SecretVersion};
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
    /// The files of the environment in which a value of a secret stands, and the secret: the present
    /// one, and those before it that are still kept, because a revision may run with one of them.
    ///
    /// # Errors
    /// When the records or a file cannot be read.
    pub fn leaks(&self, view: &dyn View) -> Result<Vec<(String, String)>, Fault> {
        let mut values = Vec::new();
        for path in view.secret_paths()? {
            let versions = view.secret(&path)?.map_or_else(Vec::new, |secret| secret.versions);
            let gone = || Fault::not_found(format!("a value of `{path}` is gone"));
            // One that cannot be opened is a finding of its own.
            let open =
                |version: SecretVersion| self.open_value(&path, &version.value_ref, gone).ok();
            let open = versions.into_iter().filter_map(open);
            let long = open.filter(|value| value.reveal().len() >= LEAK_MIN);
            values.extend(long.map(|value| (path.clone(), value)));
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
            let leak = (path.display().to_string(), secret.to_string());
            if found.last() != Some(&leak) {
                found.push(leak);
            }
        }
    }
    Ok(())
}
