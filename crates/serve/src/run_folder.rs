//! `run/`: what belongs to the running data plane — its socket, its claim on the environment.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use deploy_spec::Fault;

use crate::log_files::LogFiles;

/// The claim of one process to serve an environment; it ends with the process.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    claim: File,
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
    file.try_lock_shared().is_err()
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
        host_fs::private_folder().recursive(true).create(&path).map_err(failed)?;
        let pid_file = path.join("serve.pid");
        let mut options = host_fs::private();
        options.read(true).write(true).create(true).truncate(false);
        let mut claim = options.open(&pid_file).map_err(failed)?;
        if claim.try_lock().is_err() {
            let mut pid = String::new();
            let _ = claim.read_to_string(&mut pid);
            let pid = pid.trim();
            return Err(Fault::conflict(format!("process {pid} already serves this environment"))
                .hint("stop it first, or let it run: it follows every change"));
        }
        claim
            .set_len(0)
            .and_then(|()| writeln!(claim, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Self { path, claim })
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
    #[cfg(unix)]
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
        // A child that is only being started may still hold a copy of the handle.
        let _ = self.claim.unlock();
    }
}
