//! Containers: the engine of the machine that runs them, and what one is made of.
//!
//! An engine is spoken to by its own program, which Podman and Docker understand in the same words.
//! Nothing that is secret stands in an argument list, and no engine sees a variable that a bundle
//! named.

#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only a shim makes a container"))]
mod arguments;
mod command;
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only a shim notes a container"))]
mod leftovers;
mod store;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use deploy_spec::{ContainerEngine, Fault};
use serde::{Deserialize, Serialize};

pub(crate) use arguments::{Contained, Inside, MOUNT, TMP};
#[cfg(target_os = "linux")]
pub(crate) use arguments::{Own, environment_file};

/// How long an engine may take to make a container of an image that is there.
pub(crate) const MAKING: Duration = Duration::from_secs(60);

/// Podman or Docker on this machine, and where it is kept which containers are ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Containers {
    engine: ContainerEngine,
    program: PathBuf,
    /// The whole environment of the engine's program.
    env: Vec<(OsString, OsString)>,
    /// A file for each container of ours, held by who keeps it as long as it does.
    folder: PathBuf,
}

/// An image in the store of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image(String);

impl Containers {
    /// The engine whose program is on `path`, a search path; none where there is none. `env` is the
    /// whole environment of that program, and `folder` where notes of our containers are kept: one
    /// for each environment.
    #[must_use]
    pub fn find(path: &OsStr, env: Vec<(OsString, OsString)>, folder: PathBuf) -> Option<Self> {
        let (engine, program) = find_engine(path)?;
        Some(Self { engine, program, env, folder })
    }
}

/// What runs containers here, and its program; Podman where both are.
#[must_use]
pub fn find_engine(path: &OsStr) -> Option<(ContainerEngine, PathBuf)> {
    let found =
        |engine: ContainerEngine| Some((engine, host_fs::find_command(path, engine.name())?));
    ContainerEngine::ALL.into_iter().find_map(found).filter(|_| cfg!(target_os = "linux"))
}

/// Engines read an environment from a file in which each line is a variable, and so does nothing that
/// has several.
pub(crate) fn check(env: &BTreeMap<String, String>) -> Result<(), Fault> {
    let line = |text: &str| !text.contains(['\n', '\r']);
    let name = |text: &str| line(text) && !text.starts_with('#') && !text.contains(' ');
    match env.iter().find(|(key, value)| !name(key) || !line(value)) {
        None => Ok(()),
        Some((key, _)) => Err(Fault::invalid(format!(
            "the value for `{}` has several lines, which a variable of a container cannot have",
            key.escape_debug()
        ))
        .hint("put it in one line, in Base64 say")),
    }
}
