//! Accounts, names and space as Linux and macOS tell them.

use std::path::Path;

use nix::unistd::{Uid, User};

/// The number of the account that runs this process.
#[must_use]
pub fn own_uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

pub(super) fn name_of(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|account| account.name)
}

pub(super) fn host() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    host.unwrap_or_default()
}

/// How much space is left for this account where `path` is, in bytes; none when nobody knows.
#[must_use]
pub fn free_bytes(path: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(found.f_bavail * found.f_frsize)
}
