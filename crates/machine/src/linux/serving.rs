//! What the service serves, asked of the `gtc` that runs and told to it: the environment on this
//! machine is changed by the same commands as any other.

mod roll_out;
mod secrets;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use deploy_spec::{Digest, Fault};
use serde::Deserialize;
use serde_json::Value;
use single_vm::Actual;

use super::command::{ask, must, run_on, timed};
use super::patience::look_until;
use crate::answer::answer;

pub(super) use roll_out::{RollOut, roll_out};
pub(super) use secrets::store;

/// How long a command may take, in seconds: staging and warming a large bundle is the longest.
const COMMAND: u32 = 600;
/// How long it may take from a service that has begun to its container.
const CONTAINER: Duration = Duration::from_secs(60);
/// All of the traffic, in basis points.
const WHOLE: u32 = 10_000;

/// The process that serves.
#[derive(Debug)]
struct Service {
    program: PathBuf,
    /// The container that it is in, and what runs that.
    container: Option<(PathBuf, String)>,
    uid: u32,
    gid: u32,
    home: String,
}

/// A revision, as far as it matters here (`gtc op revisions list`).
#[derive(Debug, Deserialize)]
struct Revision {
    deployment_id: String,
    bundle_id: String,
    revision_id: String,
    lifecycle: String,
    weight_bps: u32,
    bundle_digest: Digest,
}

#[derive(Debug, Deserialize)]
struct Revisions {
    revisions: Vec<Revision>,
}

/// The bundle that takes all requests; none when the service cannot tell, which whoever looks at the
/// rest of the machine must still be able to mend.
pub(super) fn observe(service: &str) -> Result<Actual, Fault> {
    let Some(service) = Service::find(service)? else {
        return Ok(Actual::Serving { bundle: None });
    };
    let Ok(revisions) = service.revisions() else {
        return Ok(Actual::Serving { bundle: None });
    };
    let mut serving = revisions.iter().filter(|revision| revision.weight_bps > 0);
    let only = match (serving.next(), serving.next()) {
        (Some(only), None) if only.weight_bps == WHOLE => Some(only.bundle_digest.clone()),
        _ => None,
    };
    Ok(Actual::Serving { bundle: only })
}

impl Service {
    /// The process of the unit, which runs, and its container with it: of Docker, systemd hears only
    /// that the container is asked for.
    fn running(unit: &str) -> Result<Self, Fault> {
        let mut begun = None;
        look_until(CONTAINER, || {
            let service = Self::find(unit)?;
            let service = service
                .ok_or_else(|| Fault::unhealthy(format!("`{unit}` does not run any more")))?;
            begun = service.has_begun()?.then_some(service);
            Ok(begun.is_some())
        })?;
        begun.ok_or_else(|| {
            let seconds = CONTAINER.as_secs();
            Fault::unhealthy(format!("`{unit}` has no container after {seconds} s"))
        })
    }

    /// Whether its commands can be run.
    fn has_begun(&self) -> Result<bool, Fault> {
        let Some((engine, container)) = &self.container else { return Ok(true) };
        let inspect = ["container", "inspect", "--format", "{{.State.Running}}", container];
        let said = ask(&[&[&*engine.to_string_lossy()], &inspect[..]].concat())?;
        Ok(said.out.trim() == "true")
    }

    /// The process of the unit, if it runs.
    fn find(unit: &str) -> Result<Option<Self>, Fault> {
        let pid = must(&["systemctl", "show", "--property=MainPID", "--value", "--", unit])?;
        let folder = PathBuf::from(format!("/proc/{}", pid.trim()));
        let process = || -> std::io::Result<Self> {
            let program = fs::read_link(folder.join("exe"))?;
            let owner = fs::metadata(&folder)?;
            let environment = fs::read(folder.join("environ"))?;
            let name = unit.strip_suffix(".service").unwrap_or(unit).to_owned();
            let container = engine(&program).map(|engine| (engine, name));
            let home = variable(&environment, "GREENTIC_HOME");
            Ok(Self { program, container, uid: owner.uid(), gid: owner.gid(), home })
        };
        // Gone in between is as good as not running.
        Ok(if pid.trim() == "0" { None } else { process().ok() })
    }

    fn revisions(&self) -> Result<Vec<Revision>, Fault> {
        let result = self.gtc(&["op", "revisions", "list", "local"])?;
        let read: Result<Revisions, _> = serde_json::from_value(result);
        let read = read.map_err(|error| {
            Fault::unavailable(format!("`{}` tells revisions otherwise: {error}", self.name()))
        });
        read.map(|read| read.revisions)
    }

    fn name(&self) -> String {
        self.program.display().to_string()
    }

    /// Runs `gtc words` as the service's user, and gives its result.
    fn gtc(&self, words: &[&str]) -> Result<Value, Fault> {
        self.gtc_on(Stdio::null(), words)
    }

    /// The same, reading `input`.
    fn gtc_on(&self, input: Stdio, words: &[&str]) -> Result<Value, Fault> {
        let (program, command) = (self.name(), format!("gtc {}", words.join(" ")));
        let said = match &self.container {
            Some((engine, container)) => {
                let engine = engine.to_string_lossy();
                let inside = [&*engine, "exec", "--interactive", container, "gtc"];
                run_on(input, &mut timed(COMMAND, &[&inside, words, &["-o", "json"]].concat()))?
            }
            None => {
                let all = [&[program.as_str()], words, &["-o", "json"]].concat();
                let mut command = timed(COMMAND, &all);
                command.uid(self.uid).gid(self.gid).current_dir("/").env_clear();
                command.env("PATH", "/usr/bin:/bin").env("GREENTIC_HOME", &self.home);
                run_on(input, &mut command)?
            }
        };
        match said.success || !said.err.trim().is_empty() {
            true => answer(&command, said.success, &said.out, &said.err),
            false => Err(Fault::unavailable(format!("`{command}` failed: {}", said.why()))),
        }
    }
}

/// What runs the container, when the process is a container's and not `gtc` itself.
fn engine(program: &Path) -> Option<PathBuf> {
    match program.file_name()?.to_str()? {
        "podman" | "conmon" => Some("/usr/bin/podman".into()),
        "docker" => Some("/usr/bin/docker".into()),
        _ => None,
    }
}

fn variable(environment: &[u8], name: &str) -> String {
    let mut variables = environment.split(|byte| *byte == 0);
    let value = variables.find_map(|it| it.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}
