//! How this program keeps the programs and containers of bundles running: it starts itself once more
//! for each.

use std::path::Path;

use deploy_spec::ContainerEngine;
use process::{Containers, Launcher, Supervisor};

use crate::environment::{variable, variables};

/// What an engine is told of where and who we are: the variables whose names begin so, and no others.
const OF_ENGINES: &[&str] = &[
    "CONTAINER",
    "DBUS_SESSION_BUS_ADDRESS",
    "DOCKER_",
    "HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "PATH",
    "REGISTRY_AUTH_FILE",
    "TMPDIR",
    "XDG_",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// What no person types: the word that makes this program a shim and nothing else.
const SHIM: &str = "internal-shim";

/// Whether this process is the shim of a program.
pub(crate) fn is_shim() -> bool {
    let mut args = std::env::args_os().skip(1);
    args.next().is_some_and(|word| word == SHIM) && args.next().is_none()
}

/// The supervisor of this process. Programs get their folders where every user may go. Containers are
/// noted in `environment`, the folder of one; those that were left behind there are removed.
pub(crate) fn supervisor(environment: &Path) -> Supervisor {
    let launcher = Launcher::this_program(&[SHIM]);
    let path = variable("PATH").unwrap_or_default();
    let notes = environment.join("run/containers");
    let containers = Containers::find(&path, variables(OF_ENGINES), notes);
    containers.iter().for_each(Containers::clear_up);
    Supervisor::new(launcher, std::env::temp_dir(), serve::ambient::roll)
        .with_containers(containers)
}

/// What runs containers here.
pub(crate) fn container_engine() -> Option<ContainerEngine> {
    let found = process::find_engine(&variable("PATH").unwrap_or_default());
    found.map(|(engine, _)| engine)
}
