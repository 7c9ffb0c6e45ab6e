//! What the disk says, in words for people.

use std::io;

use deploy_spec::{EnvironmentId, Fault};

use crate::disk::Disk;
use crate::layout;

/// A step on the disk failed.
pub(crate) fn io_fault(
    environment: &EnvironmentId,
    doing: &str,
    path: &str,
    error: &io::Error,
) -> Fault {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space, then ask again"
        }
        io::ErrorKind::PermissionDenied => "the store belongs to another account; run as its owner",
        io::ErrorKind::ReadOnlyFilesystem => {
            "the store is on a read-only file system; remount it, or give another --store-root"
        }
        io::ErrorKind::InvalidData => {
            "somebody else wrote to it: `gtc op audit verify` says where; mend it or move it away"
        }
        _ => "look at the disk, then ask again",
    };
    Fault::unavailable(format!("environment `{environment}`: {doing} `{path}` failed: {error}"))
        .hint(hint)
        .detail("path", path)
}

/// A record cannot be understood: names the file, and the backup that can replace it.
pub(crate) fn record_fault(
    environment: &EnvironmentId,
    disk: &dyn Disk,
    path: &str,
    why: &Fault,
) -> Fault {
    if let Some(schema) = newer_gtc(&why.message) {
        return Fault::unavailable(format!(
            "environment `{environment}`: `{path}` cannot be read: a newer gtc wrote it: {}",
            why.message
        ))
        .hint("use the gtc that wrote it, or a newer one")
        .detail("path", path)
        .detail("schema", schema);
    }
    let backups = layout::backups_of(path);
    let newest =
        disk.list(&backups).unwrap_or_default().pop().map(|name| format!("{backups}/{name}"));
    let fault = Fault::unavailable(format!(
        "environment `{environment}`: `{path}` cannot be read: {}",
        why.message
    ))
    .detail("path", path);
    match newest {
        Some(backup) => fault
            .hint(format!("its last before-image is `{backup}`; copy it over `{path}` if that is what you want"))
            .detail("backup", backup),
        None => fault.hint("there is no before-image of it; restore the environment's folder from your own backup"),
    }
}

/// The schema of a document that is a later version of one that this gtc reads, by what
/// [`deploy_spec::schema_tag`] says of it.
pub(crate) fn newer_gtc(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("schema is `")?;
    let (found, rest) = rest.split_once("`, this gtc reads ")?;
    let known = rest.split_whitespace().next()?;
    let (found_name, found_version) = found.rsplit_once(".v")?;
    let (known_name, known_version) = known.rsplit_once(".v")?;
    let is_newer = found_version.parse::<u32>().ok()? > known_version.parse::<u32>().ok()?;
    (found_name == known_name && is_newer).then(|| found.to_owned())
}
