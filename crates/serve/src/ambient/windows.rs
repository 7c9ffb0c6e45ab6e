//! Accounts and names as Windows tells them: in the variables of each session.

use std::path::Path;

/// Accounts have no numbers here: 0 stands for whoever may use the store, as the system sees to it.
#[must_use]
pub const fn own_uid() -> u32 {
    0
}

pub(super) fn name_of(_: u32) -> Option<String> {
    variable("USERNAME")
}

pub(super) fn host() -> String {
    variable("COMPUTERNAME").unwrap_or_default()
}

/// Nobody knows: the system says so in calls alone that are not asked here.
#[must_use]
pub const fn free_bytes(_: &Path) -> Option<u64> {
    None
}

#[expect(clippy::disallowed_methods, reason = "this is how the system says who and where we are")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
