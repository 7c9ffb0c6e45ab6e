//! A directory with a certificate and its key.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use deploy_spec::{Fault, Timestamp};
use single_vm::resource::Mode;
use single_vm::spec::MachinePath;
use single_vm::{Actual, Resource};

use super::accounts::{Names, Numbers};
use super::draft::{self, sync};
use super::files::{self, metadata};
use crate::certificates::{self, AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE, Made};
use crate::local::failed;

const FILES: [&str; 3] = [CERTIFICATE_FILE, KEY_FILE, AUTHORITY_FILE];

/// What is at `path`; nothing when the key is not there.
pub(super) fn observe(path: &Path, names: &Names) -> Result<Option<Actual>, Fault> {
    match files::directory(path, names)? {
        None | Some(Actual::Directory { .. }) => {}
        Some(other) => return Ok(Some(other)),
    }
    let key = files::file(&path.join(KEY_FILE), names, false)?;
    Ok(key.map(|key| match key {
        Actual::File { owner, mode, .. } => {
            let not_after = certificates::not_after(&path.join(CERTIFICATE_FILE));
            Actual::Certificate { owner, mode, not_after }
        }
        other => other,
    }))
}

/// Makes it whole beside its place, or gives what is whole already its owner and modes.
pub(super) fn make(
    wanted: &Resource,
    place: impl Fn(&MachinePath) -> PathBuf,
    now: Timestamp,
    names: &Names,
) -> Result<(), Fault> {
    let Resource::Certificate { path, role, issuer, days, owner } = wanted else {
        return Err(Fault::internal("only certificates are made here"));
    };
    let (path, issuer) = (place(path), issuer.as_ref().map(&place));
    let numbers = names.numbers(owner)?;
    if is_whole(&path)? {
        return permit(&path, numbers);
    }
    files::remove_directory(&path, true)?;
    draft::sweep(&path)?;
    let draft = draft::draft_of(&path);
    fs::DirBuilder::new().mode(0o700).create(&draft).map_err(failed("making", &path))?;
    let made = Made { path: &path, role: *role, issuer: issuer.as_deref(), days: *days, now };
    certificates::make(&made, &draft)?;
    permit(&draft, numbers)?;
    sync(&draft)?;
    fs::rename(&draft, &path).map_err(failed("making", &path))?;
    sync(draft::parent(&path))
}

fn is_whole(path: &Path) -> Result<bool, Fault> {
    let has = |file| metadata(&path.join(file)).map(|found| found.is_some_and(|it| it.is_file()));
    Ok(has(CERTIFICATE_FILE)? && has(KEY_FILE)?)
}

fn permit(path: &Path, numbers: Numbers) -> Result<(), Fault> {
    for file in FILES.map(|file| path.join(file)) {
        if metadata(&file)?.is_some_and(|found| found.is_file()) {
            draft::permit(&file, numbers, Mode::new(0o600))?;
        }
    }
    draft::permit(path, numbers, Mode::new(0o700))
}
