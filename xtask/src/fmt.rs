//! One format for all Rust code. Guests are workspaces of their own, which cargo does not reach from
//! the root, so each workspace is asked.

use crate::command;
use crate::house::House;

/// What to do with a file in another format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Rewrite it.
    Write,
    /// Say so.
    Check,
}

/// Formats all Rust code, or says what is not formatted.
///
/// # Errors
/// When a file is in another format, or cannot be formatted.
pub(crate) fn run(house: &House, mode: Mode) -> Result<(), String> {
    let check: &[&str] = match mode {
        Mode::Write => &[],
        Mode::Check => &["--check"],
    };
    let files = house.files()?;
    let manifests = files.iter().filter(|file| file.is_workspace()).map(|file| &file.path);
    let done = manifests.map(|manifest| {
        let format = ["cargo", "fmt", "--all", "--manifest-path", manifest];
        command::run(&house.root, &[&format, check].concat())
    });
    // All of them, so that one run names every file; then the first failure.
    done.collect::<Vec<_>>().into_iter().collect()
}
