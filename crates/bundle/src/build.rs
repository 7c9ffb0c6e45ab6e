//! Building a bundle: the same input gives the same bytes, on any machine and any day.
//!
//! Fixed are the order (by path), the times (the epoch of the format), the owner (0), the modes
//! (0755 for folders and executables, 0644 for other files) and the compressor's settings. Links
//! that stay inside are kept as links.

mod ahead;
mod leave_out;
mod source;
mod walk;
mod write;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use deploy_spec::{BundleId, BundleManifest, Digest, Fault, PackKind};
use serde::Serialize;

use crate::archive::Archive;
use crate::entry::{Entry, Format};
use crate::image::{Image, io_fault};
use crate::leaks::{self, Allowed, Finding, NotLookedInto};
use crate::limits::Limits;
use crate::{manifest, oci_layout, threads, tree};
pub(crate) use leave_out::{IGNORE, leak};
use walk::Gathered;

/// The beginning of the name that a bundle has until it is whole.
const TEMPORARY: &str = ".gtbundle-";

/// What was built.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Built {
    /// Where the bundle is, as it was asked for.
    pub path: String,
    /// The bundle's name.
    pub bundle_id: BundleId,
    /// The bundle's version.
    pub version: String,
    /// SHA-256 of the archive file.
    pub bundle_digest: Digest,
    /// Bytes of the archive file.
    pub size_bytes: u64,
    /// Files, folders and links in it.
    pub entries: usize,
    /// What was in the folder and is not in the bundle, sorted by path.
    pub left_out: Vec<LeftOut>,
    /// Secrets in it: none, because a bundle that has one is not built.
    pub findings: Vec<Finding>,
    /// What looks like a secret and is let through by `.gtbundle-allow.yaml`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Allowed>,
    /// What is packed in a file of it and was not looked into, or not to its end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_looked_into: Vec<NotLookedInto>,
}

/// Something that was in the folder and is not in the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Where it is in the folder; a folder's path ends with `/`.
    pub path: String,
    /// Why it is not packed.
    pub reason: String,
}

/// Packs `dir`, which holds `bundle.yaml`, into the file `output`.
///
/// The file appears whole or not at all: it is written beside its place under another name, opened
/// and checked as a stranger's would be, looked through for secrets, flushed, and renamed.
///
/// # Errors
/// `invalid-input` when `bundle.yaml` is wrong or names what is not there (with a `pointer`), or
/// `dir` is no folder; `refused` for an entry that no bundle may hold (named in `details.entry`) and
/// for a secret (`details.findings` lists them as [`Finding`]s);
/// `not-found` and `unavailable` from the file system.
pub fn build(dir: &Path, output: &Path, format: Format) -> Result<Built, Fault> {
    let limits = Limits::default();
    let gathered = walk::gather(dir, output, &limits)?;
    let text = walk::manifest_text(&gathered, dir, &limits);
    let Gathered { items, left_out } = gathered;
    let entries: Vec<Entry> = items.iter().map(|item| item.entry.clone()).collect();
    let index = tree::check(&entries, None, &limits).map_err(in_folder)?;
    let manifest = manifest::parse(&text?)?;
    manifest::check_paths(&manifest, &entries, &index, &limits, |path| {
        let left = left_out.iter().find(|left| left.covers(path));
        left.map(|left| left.reason.clone())
    })?;
    let folder = match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let failed = |error: std::io::Error| io_fault("write", output, &error);
    let temporary = tempfile::Builder::new().prefix(TEMPORARY).suffix(".tmp").tempfile_in(folder);
    let mut temporary = temporary.map_err(failed)?;
    match format {
        Format::Squashfs => write::squashfs(&items, temporary.as_file_mut(), threads::available()),
        Format::Zip => write::zip(&items, temporary.as_file_mut()),
    }
    .map_err(in_folder)?;
    let image = Arc::new(Image::open(temporary.path())?);
    let archive = Archive::from_image(image, output, &limits).map_err(in_folder)?;
    check_programs(&archive)?;
    let scan = leaks::archive(&archive, output)?.pass()?;
    let (bundle_digest, size_bytes) = archive.digest()?;
    publish(temporary, output, folder).map_err(failed)?;
    Ok(Built {
        path: output.display().to_string(),
        bundle_id: archive.manifest().bundle_id.clone(),
        version: archive.manifest().version.to_string(),
        bundle_digest,
        size_bytes,
        entries: archive.entries().len(),
        left_out,
        findings: scan.findings,
        allowed: scan.allowed,
        not_looked_into: scan.not_looked_into,
    })
}

/// Refuses what could not be run anywhere; which machine it is for is asked where it is to run.
fn check_programs(archive: &Archive) -> Result<(), Fault> {
    for (i, pack) in archive.manifest().packs.iter().enumerate() {
        let Some(path) = &pack.path else { continue };
        let checked = match pack.kind {
            PackKind::Process => {
                elf::check_for_any_machine(&archive.read(path.as_str())?).map_err(|mut fault| {
                    fault.message = format!("`{path}` cannot be run: {}", fault.message);
                    fault
                })
            }
            PackKind::Container => oci_layout::check(archive, path),
            PackKind::HttpComponent | PackKind::Static | PackKind::Upstream => Ok(()),
        };
        checked.map_err(|mut fault| {
            fault.message = format!("pack `{}`: {}", pack.pack_id, fault.message);
            fault.at(format!("/packs/{i}/path"))
        })?;
    }
    Ok(())
}

/// What the `bundle.yaml` of a folder says; what it names is not looked for.
///
/// # Errors
/// `invalid-input` when it is wrong; `not-found` and `unavailable` from the file system.
pub fn manifest_of(dir: &Path) -> Result<BundleManifest, Fault> {
    let path = dir.join(manifest::NAME);
    let most = Limits::default().manifest_bytes;
    let mut text = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(most + 1).read_to_end(&mut text));
    read.map_err(|error| io_fault("read", &path, &error))?;
    if text.len() as u64 > most {
        let why = format!("`{}` is larger than {most} bytes", path.display());
        return Err(Fault::invalid(why));
    }
    manifest::parse(&text)
}

/// Flushes the whole file, gives it its name, and flushes the name.
fn publish(
    temporary: tempfile::NamedTempFile,
    output: &Path,
    folder: &Path,
) -> std::io::Result<()> {
    host_fs::set_mode(temporary.as_file(), 0o644)?;
    temporary.as_file().sync_all()?;
    temporary.persist(output).map_err(|error| error.error)?;
    host_fs::sync_folder(folder)
}

/// A rule that was broken by the folder, and not by somebody's archive.
fn in_folder(mut fault: Fault) -> Fault {
    if let Some(why) = fault.message.strip_prefix("the bundle was refused: ") {
        fault.message = format!("the bundle cannot be built: {why}");
        fault.hint = Some("rename, move or remove it in the folder that is packed".to_owned());
    }
    fault
}

impl LeftOut {
    /// Whether this is why `path` is not in the bundle.
    fn covers(&self, path: &str) -> bool {
        match self.path.strip_suffix('/') {
            Some(folder) => path
                .strip_prefix(folder)
                .is_some_and(|rest| matches!(rest.as_bytes(), [] | [b'/', ..])),
            None => path == self.path,
        }
    }
}

#[cfg(test)]
mod tests;
