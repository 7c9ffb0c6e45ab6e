//! The environment variables that are read, all of them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use deploy_spec::Fault;

/// Where the environments are: `--store-root`, else `$GREENTIC_HOME/environments`, else
/// `~/.greentic/environments`.
///
/// # Errors
/// `invalid-input` when none of these is known.
pub(crate) fn store_root(given: Option<PathBuf>) -> Result<PathBuf, Fault> {
    let root = match given {
        Some(root) => root,
        None => greentic_home()?.join("environments"),
    };
    std::path::absolute(&root).map_err(|error| {
        Fault::invalid(format!("`{}` is not a usable path: {error}", root.display()))
    })
}

/// Where everything of this user is kept: `$GREENTIC_HOME`, else `~/.greentic`.
///
/// # Errors
/// `invalid-input` when neither is known.
pub(crate) fn greentic_home() -> Result<PathBuf, Fault> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = set("GREENTIC_HOME").or_else(|| set("HOME").map(|home| home.join(".greentic")));
    home.ok_or_else(|| {
        Fault::invalid("there is no home directory to keep state in")
            .hint("give --store-root DIR, or set GREENTIC_HOME")
    })
}

/// The variable that somebody named on the command line, and no other.
#[expect(clippy::disallowed_methods, reason = "this is the home of environment variables")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The variables whose names begin with one of these.
#[expect(clippy::disallowed_methods, reason = "this is the home of environment variables")]
pub(crate) fn variables(beginnings: &[&str]) -> Vec<(OsString, OsString)> {
    let named =
        |name: &OsStr| beginnings.iter().any(|start| name.as_bytes().starts_with(start.as_bytes()));
    std::env::vars_os().filter(|(name, _)| named(name)).collect()
}
