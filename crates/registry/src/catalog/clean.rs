//! Removing what is kept.

use std::collections::BTreeSet;
use std::path::PathBuf;

use deploy_spec::Fault;
use serde::Serialize;

use super::cache::{Cache, DIGESTS, INDEX, REFERENCES, name_of};
use crate::reference::OciReference;

/// What is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clean {
    /// What is damaged, and bytes that no reference stands for any more.
    Unused,
    /// What is kept for this reference, and then what is unused.
    One(OciReference),
    /// Everything.
    All,
}

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cleaned {
    /// The files.
    pub removed: Vec<PathBuf>,
    /// Their bytes together.
    pub freed_bytes: u64,
}

/// # Errors
/// `not-found` when one is named that is not kept; `unavailable` when it cannot be removed.
pub(super) fn clean(cache: &Cache, what: &Clean) -> Result<Cleaned, Fault> {
    let gone = match what {
        Clean::One(reference) => {
            let name = name_of(&reference.to_string());
            if cache.entry(&name).is_none() {
                return Err(Fault::not_found(format!("`{reference}` is not kept"))
                    .hint("gtc registry list"));
            }
            Some(name)
        }
        Clean::Unused | Clean::All => None,
    };
    let goes = |name: &str| *what == Clean::All || gone.as_deref() == Some(name);
    let mut cleaned = Cleaned::default();
    let mut used = BTreeSet::new();
    for file in cache.names(INDEX)? {
        let name = file.strip_suffix(".json").unwrap_or_default();
        match cache.entry(name).filter(|_| !goes(name)) {
            Some(entry) => {
                used.insert(entry.digest.hex().to_owned());
            }
            None => remove(cache, INDEX, &file, what, &mut cleaned)?,
        }
    }
    for name in cache.names(REFERENCES)? {
        let entry = cache.entry(&name);
        if entry.is_none_or(|entry| cache.proven(REFERENCES, &name, &entry.digest).is_none()) {
            remove(cache, REFERENCES, &name, what, &mut cleaned)?;
        }
    }
    for name in cache.names(DIGESTS)? {
        let digest = format!("sha256:{name}").parse().ok().filter(|_| used.contains(&name));
        if digest.is_none_or(|digest| cache.by_digest(&digest).is_none()) {
            remove(cache, DIGESTS, &name, what, &mut cleaned)?;
        }
    }
    Ok(cleaned)
}

fn remove(
    cache: &Cache,
    folder: &str,
    name: &str,
    what: &Clean,
    cleaned: &mut Cleaned,
) -> Result<(), Fault> {
    // Somebody may be about to give it its name.
    if name.starts_with('.') && *what != Clean::All {
        return Ok(());
    }
    let Some(open) = cache.folder(folder)? else { return Ok(()) };
    let path = cache.path(folder, name);
    let size = std::fs::symlink_metadata(&path).map_or(0, |meta| meta.len());
    open.remove(name).map_err(|error| cache.failed("removing", folder, name, &error))?;
    cleaned.removed.push(path);
    cleaned.freed_bytes += size;
    Ok(())
}
