//! How a program or a container is to be run: all that a caller decides.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use upstream::Speaks;

/// How a program is run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the log and `argv[0]` call it, and the label `greentic.workload` of a container. Two of the
    /// same name may share a user id.
    pub name: String,
    /// Its arguments. Everyone on the machine can read them: no secrets.
    pub args: Vec<String>,
    /// Its environment; nothing else is in it but `TMPDIR`, where it must listen, and what an image
    /// brings. A container's values have one line each.
    pub env: BTreeMap<String, String>,
    /// Where it must listen.
    pub listen: Listen,
    /// What it is spoken to in when it is asked whether it is ready. Default: HTTP/1.1.
    pub speaks: Speaks,
    /// What it may use.
    pub limits: Limits,
    /// When it is ready.
    pub probe: Probe,
    /// How long it has between SIGTERM and SIGKILL. Default: 10 s.
    pub grace: Duration,
    /// What happens when it ends by itself.
    pub restart: Restart,
}

impl Settings {
    /// The defaults, for a program of this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            listen: Listen::Port,
            speaks: Speaks::Http1,
            limits: Limits::default(),
            probe: Probe::default(),
            grace: Duration::from_secs(10),
            restart: Restart::default(),
        }
    }
}

/// Where a program must listen for HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// On TCP port `PORT` of 127.0.0.1; a container of all its addresses. The port was free a moment
    /// ago; another account of this machine could take it first, so a socket is the better choice.
    Port,
    /// On the Unix socket at the path `GREENTIC_SOCKET`, in a folder that only it may enter. A
    /// container that does has no network.
    Socket,
}

/// What a program may use; the kernel holds it to that (`setrlimit(2)`, and `cgroups(7)` for all of a
/// container).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory it may write, of each of its processes, in MiB (`RLIMIT_DATA`: address space that is
    /// only reserved does not count). Default: 512.
    pub memory_mb: u32,
    /// Descriptors that each of its processes may have open. Default: 1 024.
    pub files: u32,
    /// Processes and threads it may have; counted where it has a user of its own. Default: 256.
    pub processes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_mb: 512, files: 1_024, processes: 256 }
    }
}

/// How it is found out that a program is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What it must do. Default: accept a connection.
    pub ask: Ask,
    /// How long after one attempt the next is made. Default: 50 ms.
    pub interval: Duration,
    /// How long one attempt may take. Default: 2 s.
    pub timeout: Duration,
    /// How long it may take to get ready; then it is stopped, which counts as a failure.
    /// Default: 30 s.
    pub deadline: Duration,
}

/// What a program must do to be ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Accept a connection. That says nothing where the engine of a container accepts in its place.
    Connection,
    /// Answer a GET of `/`, whatever it says.
    AnyAnswer,
    /// Answer a GET of this path with a status from 200 to 399.
    Path(String),
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            ask: Ask::Connection,
            interval: Duration::from_millis(50),
            timeout: Duration::from_secs(2),
            deadline: Duration::from_secs(30),
        }
    }
}

/// What happens when a program ends by itself: it is started again after a wait that doubles, of
/// which half is left to chance, so that many that fell together do not rise together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    /// The first wait. Default: 100 ms.
    pub first: Duration,
    /// The longest wait. Default: 30 s.
    pub longest: Duration,
    /// Who was ready for so long has not failed in a row. Default: 60 s.
    pub stable_after: Duration,
    /// How many failures in a row are followed by another start; the one after ends it for good.
    /// Default: 10.
    pub retries: u32,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(30),
            stable_after: Duration::from_secs(60),
            retries: 10,
        }
    }
}
