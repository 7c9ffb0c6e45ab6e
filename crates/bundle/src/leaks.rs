//! Whether a bundle, or anything else on disk, gives a secret away: its contents, its names, and
//! the raw bytes of the archive, which may hold what no entry leads to.

mod allow;
mod look;
mod packing;
mod places;
mod tar;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use ::scan::{Rules, Stream};
use deploy_spec::Fault;
use serde::Serialize;

use crate::archive::Archive;
use crate::entry::{Entry, EntryKind, Format};
use crate::image::{Image, from_io, io_fault};
use crate::limits::Limits;
use crate::threads;
use allow::AllowList;
pub(crate) use allow::NAME as ALLOW;
use look::{Looked, look};
use places::Found;

/// What was looked through, and the secrets in it. It never holds a secret's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scan {
    /// What was asked for, as it was named.
    pub path: String,
    /// What it is.
    pub kind: ScanKind,
    /// Files that were read.
    pub files: usize,
    /// Bytes that were read.
    pub bytes: u64,
    /// What must not be there, in the order of the paths; at most 1 000.
    pub findings: Vec<Finding>,
    /// What `.gtbundle-allow.yaml` lets through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Allowed>,
    /// What is packed in a file and was not looked into, or not to its end; at most 1 000.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_looked_into: Vec<NotLookedInto>,
}

/// What a scan looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScanKind {
    /// A bundle of this format.
    Squashfs,
    /// A bundle of this format.
    Zip,
    /// A folder, with all that is below it but version control data.
    Folder,
    /// Any other file, as it is.
    File,
}

/// Where a secret stands and which rule says so; never what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file: within the bundle or the folder, or the archive itself; `outer!inner` for what is
    /// packed in one. A secret that is part of a name is cut out of it.
    pub path: String,
    /// What of it holds the secret.
    pub place: Place,
    /// Bytes from its beginning, where it is not the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The line, from 1, of what is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The rule's name, as an allow-list names it.
    pub rule: String,
    /// What the rule looks for.
    pub description: String,
}

/// Something packed that could not be looked into: it was only looked at as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotLookedInto {
    /// The file, `outer!inner` for what is packed in one.
    pub path: String,
    /// Why: its format, its damage, or the bound that it meets.
    pub reason: String,
}

/// What of a file holds a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Its name, or what the link of that name points at.
    Name,
    /// What is in it, expanded.
    Contents,
    /// The bytes of the archive, in a part that no entry shows.
    Archive,
}

/// A finding that is let through, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
    /// Why that is no leak, as the allow-list says.
    pub reason: String,
}

/// Looks through a bundle, any other file, or a folder, for what looks like a secret.
///
/// A file `.gtbundle-allow.yaml` at the root of the bundle or folder names what may be there:
///
/// ```yaml
/// schema: greentic.bundle-allow.v1
/// allow:
///   - path: docs/**              # as in a .gitignore
///     rule: generic-assignment
///     reason: the example key of the vendor's documentation
/// ```
///
/// It is packed with the bundle, so that whoever scans it sees what was let through and why.
///
/// # Errors
/// `not-found` and `unavailable` from the file system; `invalid-input` when the allow-list is wrong;
/// as [`Archive::open`] for an archive that cannot be opened or read. Secrets are no error.
pub fn scan(path: &Path) -> Result<Scan, Fault> {
    let failed = |error: io::Error| io_fault("read", path, &error);
    if std::fs::metadata(path).map_err(failed)?.is_dir() {
        return places::folder(path);
    }
    let image = Arc::new(Image::open(path)?);
    let magic = image.bytes(0, 4).unwrap_or_default();
    if magic == crate::squash::MAGIC || magic == crate::zipped::MAGIC {
        return archive(&Archive::from_image(image, path, &Limits::default())?, path);
    }
    let mut found = Found::new(AllowList::default());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut file = File::open(path).map_err(failed)?;
    found.file(&name, image.len(), &mut file).map_err(failed)?;
    Ok(found.finish(path, ScanKind::File))
}

/// Looks through an open bundle: names, contents, and the archive as it is. `path` is for messages.
pub(crate) fn archive(archive: &Archive, path: &Path) -> Result<Scan, Fault> {
    let allow = match archive.entry(ALLOW) {
        Some(entry) if entry.kind == EntryKind::File && entry.size <= allow::MOST_BYTES => {
            AllowList::parse(&archive.read(ALLOW)?)?
        }
        Some(_) => return Err(AllowList::unfit()),
        None => AllowList::default(),
    };
    let mut found = Found::new(allow);
    found.names(archive.entries());
    let files = archive.entries().iter().filter(|entry| entry.kind == EntryKind::File);
    let files: Vec<_> = files.collect();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The archive as it is takes longest, so it is begun first.
    let mut found_in = threads::in_order(files.len() + 1, |i| match i.checked_sub(1) {
        None => as_it_is(archive, &name),
        Some(i) => contents(archive, files[i]),
    })?
    .into_iter();
    let raw = found_in.next();
    files.iter().zip(found_in).for_each(|(entry, looked)| found.looked(&entry.path, looked));
    found.raw(raw.unwrap_or_default().findings);
    Ok(found.finish(
        path,
        match archive.format() {
            Format::Squashfs => ScanKind::Squashfs,
            Format::Zip => ScanKind::Zip,
        },
    ))
}

fn contents(archive: &Archive, entry: &Entry) -> Result<Looked, Fault> {
    let looked = look(&entry.path, entry.size, &mut archive.reader(&entry.path)?);
    looked.map_err(|error| crate::archive::unreadable(&entry.path, error))
}

/// What stands in the bytes of the archive, whatever they mean.
fn as_it_is(archive: &Archive, name: &str) -> Result<Looked, Fault> {
    let mut raw = Stream::new(Rules::standard(), name);
    archive.raw(|bytes| raw.push(bytes)).map_err(from_io)?;
    let findings = raw.finish().into_iter().map(|finding| (Place::Archive, finding)).collect();
    Ok(Looked { findings, ..Looked::default() })
}

impl Scan {
    /// Refuses what would give a secret away.
    ///
    /// # Errors
    /// `refused`, naming files and rules, with all findings in `details.findings`.
    pub fn pass(self) -> Result<Self, Fault> {
        let Some(first) = self.findings.first() else { return Ok(self) };
        let more = match self.findings.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let message = format!(
            "`{}` would give a secret away: {first} ({}){more}",
            self.path, first.description
        );
        let entry = first.path.clone();
        let hint = format!(
            "take it out, name the file in {}, or allow it with a reason in {ALLOW}: \
             {{path: {entry}, rule: {}, reason: …}}; `gtc bundle scan` looks again",
            crate::build::IGNORE,
            first.rule,
        );
        let findings = serde_json::to_value(&self.findings).unwrap_or_default();
        Err(Fault::refused(message).hint(hint).detail("entry", entry).detail("findings", findings))
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.line, self.offset) {
            (Some(line), _) => write!(f, "{}:{line}: {}", self.path, self.rule),
            (None, Some(offset)) => write!(f, "{} at byte {offset}: {}", self.path, self.rule),
            (None, None) => write!(f, "the name {}: {}", self.path, self.rule),
        }
    }
}

#[cfg(test)]
mod tests;
