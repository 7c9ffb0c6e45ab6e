//! How this program keeps the programs of bundles running: it starts itself once more for each.

use process::{Launcher, Supervisor};

/// What no person types: the word that makes this program a shim and nothing else.
const SHIM: &str = "internal-shim";

/// Whether this process is the shim of a program.
pub(crate) fn is_shim() -> bool {
    let mut args = std::env::args_os().skip(1);
    args.next().is_some_and(|word| word == SHIM) && args.next().is_none()
}

/// The supervisor of this process. Programs get their folders where every user may go.
pub(crate) fn supervisor() -> Supervisor {
    let launcher = Launcher::this_program(&[SHIM]);
    Supervisor::new(launcher, std::env::temp_dir(), serve::ambient::roll)
}
