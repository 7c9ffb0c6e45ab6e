//! How this program starts itself again, to become the shim of a program.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A command that ends in [`shim::main`](crate::shim_main) and nothing else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Launcher {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
}

impl Launcher {
    /// The running program with these arguments and an empty environment: the very file that runs,
    /// even when another has taken its place on disk.
    #[must_use]
    pub fn this_program(args: &[&str]) -> Self {
        let args = args.iter().map(OsString::from).collect();
        Self { program: "/proc/self/exe".into(), args, env: Vec::new() }
    }

    #[cfg(unix)]
    pub(crate) fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args).env_clear().envs(self.env.iter().cloned());
        command.current_dir("/");
        command
    }
}
