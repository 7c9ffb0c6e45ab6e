//! The environment variables that are read, all of them.

use std::ffi::{OsStr, OsString};
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

/// What the system calls the variable with the home directory of this user.
const HOME: &str = if cfg!(windows) { "USERPROFILE" } else { "HOME" };

/// The home directory of this user, if it is known.
pub(crate) fn home() -> Option<PathBuf> {
    variable(HOME).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Where everything of this user is kept: `$GREENTIC_HOME`, else `~/.greentic`.
///
/// # Errors
/// `invalid-input` when neither is known.
pub(crate) fn greentic_home() -> Result<PathBuf, Fault> {
    let given = variable("GREENTIC_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    given.or_else(|| home().map(|home| home.join(".greentic"))).ok_or_else(|| {
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
    let begins = |name: &OsStr, start: &&str| name.as_encoded_bytes().starts_with(start.as_bytes());
    let named = |name: &OsStr| beginnings.iter().any(|start| begins(name, start));
    std::env::vars_os().filter(|(name, _)| named(name)).collect()
}
