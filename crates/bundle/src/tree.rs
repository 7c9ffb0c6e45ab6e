//! The rules that a listing must keep as a whole, whatever format it came from.

use std::collections::HashMap;

use deploy_spec::Fault;

use crate::entry::{Entry, EntryKind};
use crate::limits::Limits;
use crate::links::{Index, Lost};
use crate::names::{folded, refuse, refuse_archive};

/// Checks a whole listing: no two names that are or look the same, every parent a folder, no link
/// that leaves, and totals within the limits. `archive_bytes` is the size of the archive, or
/// `None` while there is none yet.
///
/// # Errors
/// `refused`, naming the offending entry.
pub(crate) fn check(
    entries: &[Entry],
    archive_bytes: Option<u64>,
    limits: &Limits,
) -> Result<Index, Fault> {
    too_many(entries.len(), limits)?;
    distinct(entries)?;
    let index = Index::new(entries);
    for entry in entries {
        if let Some((parent, _)) = entry.path.rsplit_once('/')
            && !index.get(parent).is_some_and(|i| entries[i].kind == EntryKind::Directory)
        {
            return Err(refuse(&entry.path, "is inside something that is not a folder"));
        }
    }
    for entry in entries.iter().filter(|e| e.kind == EntryKind::Symlink) {
        link(entry, entries, &index, limits)?;
    }
    bomb(entries, archive_bytes, limits)?;
    Ok(index)
}

/// Checks a count of entries, before they are all read.
pub(crate) fn too_many(count: usize, limits: &Limits) -> Result<(), Fault> {
    if count > limits.entries {
        return Err(refuse_archive(format!("it holds more than {} entries", limits.entries)));
    }
    Ok(())
}

fn distinct(entries: &[Entry]) -> Result<(), Fault> {
    let mut seen: HashMap<String, &str> = HashMap::with_capacity(entries.len());
    for entry in entries {
        match seen.insert(folded(&entry.path), &entry.path) {
            Some(other) if other == entry.path => {
                return Err(refuse(&entry.path, "is in it twice"));
            }
            Some(other) => {
                let why = format!(
                    "and `{}` differ only in case or Unicode spelling",
                    crate::names::shown(other)
                );
                return Err(refuse(&entry.path, why));
            }
            None => {}
        }
    }
    Ok(())
}

fn link(entry: &Entry, entries: &[Entry], index: &Index, limits: &Limits) -> Result<(), Fault> {
    let target = entry.target.as_deref().unwrap_or_default();
    if target.is_empty() || target.len() > limits.target_bytes {
        let why = format!("is a link whose target is empty or over {} bytes", limits.target_bytes);
        return Err(refuse(&entry.path, why));
    }
    if target.contains('\\') || target.chars().any(char::is_control) {
        return Err(refuse(&entry.path, "is a link to a name with control characters"));
    }
    let base = entry.path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let found = index.follow(entries, base, target, limits);
    let target = crate::names::shown(target);
    match found {
        Ok(_) => Ok(()),
        Err(Lost::Leaves) => {
            Err(refuse(&entry.path, format!("is a link that leaves the bundle: `{target}`")))
        }
        Err(Lost::Nothing) => {
            Err(refuse(&entry.path, format!("is a link to `{target}`, which is not in the bundle")))
        }
        Err(Lost::TooManyLinks) => {
            Err(refuse(&entry.path, format!("is a link that never arrives: `{target}`")))
        }
    }
}

fn bomb(entries: &[Entry], archive_bytes: Option<u64>, limits: &Limits) -> Result<(), Fault> {
    let mut total: u64 = 0;
    for entry in entries {
        total = total.saturating_add(entry.size);
        if total > limits.expanded_bytes {
            let why = format!("brings it over {} expanded bytes", limits.expanded_bytes);
            return Err(refuse(&entry.path, why));
        }
    }
    let Some(archive_bytes) = archive_bytes else { return Ok(()) };
    if total > limits.ratio_floor_bytes && total > archive_bytes.saturating_mul(limits.ratio) {
        let largest = entries.iter().max_by_key(|e| e.size).map_or("", |e| e.path.as_str());
        let why = format!(
            "is the largest file of an archive of {archive_bytes} bytes that expands to {total}, \
             more than {} times",
            limits.ratio
        );
        return Err(refuse(largest, why));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
