//! `run/`: what belongs to the running data plane — its socket, its claim on the environment.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use deploy_spec::Fault;
use nix::fcntl::{Flock, FlockArg};

use crate::log_files::LogFiles;

/// The claim of one process to serve an environment; it ends with the process.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    _claim: Flock<File>,
}

/// Where the admin socket of an environment is.
#[must_use]
pub fn admin_socket(environment_folder: &Path) -> PathBuf {
    environment_folder.join("run/admin.sock")
}

/// Whether a process of this machine serves the environment.
#[must_use]
pub fn is_served(environment_folder: &Path) -> bool {
    let Ok(file) = File::open(environment_folder.join("run/serve.pid")) else { return false };
    Flock::lock(file, FlockArg::LockSharedNonblock).is_err()
}

impl RunFolder {
    /// Claims the `run` folder of an environment.
    ///
    /// # Errors
    /// `conflict` when another process serves it; `unavailable` when the folder cannot be made.
    pub fn claim(environment_folder: &Path) -> Result<Self, Fault> {
        let path = environment_folder.join("run");
        let failed = |error: std::io::Error| {
            Fault::unavailable(format!("`{}` cannot be used: {error}", path.display()))
        };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed)?;
        let pid_file = path.join("serve.pid");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&pid_file).map_err(failed)?;
        let mut claim =
            Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(mut file, _)| {
                let mut pid = String::new();
                let _ = file.read_to_string(&mut pid);
                Fault::conflict(format!("process {} already serves this environment", pid.trim()))
                    .hint("stop it first, or let it run: it follows every change")
            })?;
        claim
            .set_len(0)
            .and_then(|()| writeln!(claim, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Self { path, _claim: claim })
    }

    /// Where the log is kept.
    #[must_use]
    pub fn log(&self) -> LogFiles {
        LogFiles::of(self.path.parent().unwrap_or(&self.path))
    }

    /// Where the access log is kept.
    #[must_use]
    pub fn access_log(&self) -> LogFiles {
        LogFiles::of_access(self.path.parent().unwrap_or(&self.path))
    }

    /// A socket in the folder, in place of one that a dead process left behind.
    ///
    /// # Errors
    /// `unavailable` when it cannot be made.
    pub fn listen(&self) -> Result<std::os::unix::net::UnixListener, Fault> {
        let socket = self.path.join("admin.sock");
        let _ = std::fs::remove_file(&socket);
        let failed = |error: std::io::Error| {
            Fault::unavailable(format!("`{}` cannot be listened on: {error}", socket.display()))
                .hint("a socket's path may have 107 bytes; set GREENTIC_HOME to a shorter one")
        };
        let listener = std::os::unix::net::UnixListener::bind(&socket).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(listener)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.path.join("admin.sock"));
    }
}
