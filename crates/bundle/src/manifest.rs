//! Reading `bundle.yaml`, and holding what it refers to against what is there.

use deploy_spec::{BundleManifest, Fault, InnerPath, PackKind, document};

use crate::entry::{Entry, EntryKind};
use crate::limits::Limits;
use crate::links::{Found, Index};

/// The manifest's name at the root of a bundle.
pub(crate) const NAME: &str = "bundle.yaml";

/// How the digest of an image is found; `docker` takes the same words.
const HOW_TO_PIN: &str = "`podman pull IMAGE` and then `podman image inspect --format \
                          '{{index .RepoDigests 0}}' IMAGE` say what to write";

/// Parses and checks the text of a manifest by itself.
///
/// # Errors
/// `invalid-input`, with `line` and `column` for what is not YAML and `pointer` for what is not a
/// manifest.
pub(crate) fn parse(text: &[u8]) -> Result<BundleManifest, Fault> {
    let value: serde_json::Value = serde_saphyr::from_slice(text).map_err(|error| {
        let at = error.location().map(|l| (l.line(), l.column()));
        let place = at.map_or(String::new(), |(line, column)| format!(":{line}:{column}"));
        let why = error.without_snippet().to_string();
        let fault = Fault::invalid(format!("{NAME}{place} is not YAML that can be read: {why}"))
            .hint(format!("mend {NAME}"))
            .at("");
        match at {
            Some((line, column)) => fault.detail("line", line).detail("column", column),
            None => fault,
        }
    })?;
    let manifest: BundleManifest = document::from_value(value).map_err(in_manifest)?;
    manifest.check().map_err(in_manifest)?;
    Ok(manifest)
}

fn in_manifest(mut fault: Fault) -> Fault {
    let pointer = fault.details.get("pointer").and_then(|p| p.as_str()).unwrap_or_default();
    fault.message = format!(
        "{NAME}{}{pointer}: {}",
        if pointer.is_empty() { "" } else { " at " },
        fault.message
    );
    if fault.hint.is_none() {
        let of_image = pointer.starts_with("/packs/") && pointer.ends_with("/image");
        fault.hint = Some(if of_image { HOW_TO_PIN.to_owned() } else { format!("mend {NAME}") });
    }
    fault
}

/// Checks that every path of the manifest names an entry of the right kind, links followed.
/// `absent` words why an entry is missing, when that is known.
///
/// # Errors
/// `invalid-input` with a pointer into `bundle.yaml`.
pub(crate) fn check_paths(
    manifest: &BundleManifest,
    entries: &[Entry],
    index: &Index,
    limits: &Limits,
    absent: impl Fn(&str) -> Option<String>,
) -> Result<(), Fault> {
    for (pointer, path, wanted) in paths(manifest) {
        let found = index.follow(entries, "", path.as_str(), limits);
        let kind = match found {
            Ok(Found::Entry(i)) => Some(entries[i].kind),
            Ok(Found::Root) => Some(EntryKind::Directory),
            Err(_) => None,
        };
        let why = match kind {
            Some(kind) if kind == wanted => continue,
            Some(_) => format!("`{path}` is not a {}", word(wanted)),
            None => match absent(path.as_str()) {
                Some(reason) => format!("`{path}` is left out of the bundle: {reason}"),
                None => format!("there is no {} `{path}`", word(wanted)),
            },
        };
        let hint = format!("put a {} at `{path}`, or change {pointer} in {NAME}", word(wanted));
        return Err(in_manifest(Fault::invalid(why).hint(hint).at(pointer)));
    }
    Ok(())
}

fn word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "folder",
        EntryKind::Symlink => "link",
    }
}

/// Every path that a manifest refers to, where it does, and what must be there.
fn paths(manifest: &BundleManifest) -> Vec<(String, &InnerPath, EntryKind)> {
    let packs = manifest.packs.iter().enumerate().filter_map(|(i, pack)| {
        let wanted = match pack.kind {
            PackKind::HttpComponent | PackKind::Process => EntryKind::File,
            PackKind::Static | PackKind::Container => EntryKind::Directory,
            PackKind::Upstream => return None,
        };
        Some((format!("/packs/{i}/path"), pack.path.as_ref()?, wanted))
    });
    let file = |pointer: &str, path| (pointer.to_owned(), path, EntryKind::File);
    let authorities = manifest.packs.iter().enumerate().filter_map(|(i, pack)| {
        let ca = pack.tls.as_ref()?.ca.as_ref()?;
        Some(file(&format!("/packs/{i}/tls/ca"), ca))
    });
    packs
        .chain(authorities)
        .chain(manifest.config_schema.iter().map(|path| file("/config_schema", path)))
        .chain(manifest.setup.iter().map(|path| file("/setup", path)))
        .collect()
}
