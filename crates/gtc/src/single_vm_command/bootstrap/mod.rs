//! `gtc single-vm bootstrap`.

mod problems;
mod secrets;

use std::path::PathBuf;

use clap::Args;
use deploy_spec::Fault;
use env_pack::SecretBytes;
use machine::{Bootstrapped, Destination, HostKey, Reached, Sources, Ssh, Wanted, Way};
use serve::ambient;
use single_vm::Deployment;
use single_vm::bootstrap::Repeat;

use super::described::{Described, fetched};
use super::shown::Show;
use crate::environment;
use crate::globals::Globals;
use crate::outcome::Success;
use crate::progress;
use crate::registries::Registries;
use problems::Problems;
use secrets::Given;

#[derive(Debug, Args)]
pub(crate) struct BootstrapArgs {
    /// The machine, and whom to log in as: root, or somebody with sudo
    #[arg(long, value_name = "USER@MACHINE", required_unless_present = "schema")]
    host: Option<String>,
    /// The port of its sshd [default: what the configuration of ssh says, or 22]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The file of the key to log in by [default: what the configuration of ssh says]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Trust this host key and no other, whatever the known hosts say
    #[arg(long, value_name = "SHA256:…")]
    host_key: Option<String>,
    /// Read this configuration of ssh instead of ~/.ssh/config
    #[arg(long, value_name = "FILE")]
    ssh_config: Option<PathBuf>,
    #[command(flatten)]
    described: Described,
    /// A secret that the bundle reads: NAME=file:PATH or NAME=env:VARIABLE; once for each
    #[arg(long = "secret", value_name = "NAME=FROM")]
    secrets: Vec<String>,
    /// Bring everything once more to a machine that has the deployment
    #[arg(long)]
    force: bool,
    /// Tell what is done on lines of standard error, also when no terminal shows it
    #[arg(long)]
    progress: bool,
    #[command(flatten)]
    registries: Registries,
}

/// What is brought, and to where.
struct Checked {
    deployment: Deployment,
    sources: Sources,
    secrets: Vec<(String, SecretBytes)>,
    way: Way,
}

impl BootstrapArgs {
    pub(super) fn run(&self, globals: &Globals) -> Result<Success, Fault> {
        if self.described.schema {
            return Ok(Success::Document(Deployment::schema()));
        }
        let checked = self.check()?;
        let values = checked.secrets.iter().map(|(name, value)| (name.clone(), value.reveal()));
        let wanted = Wanted {
            deployment: &checked.deployment,
            sources: &checked.sources,
            version: env!("CARGO_PKG_VERSION"),
            secrets: values.collect(),
            repeat: if self.force { Repeat::Forced } else { Repeat::Refused },
        };
        let ssh = Ssh::open(checked.way)?;
        let done = machine::bootstrap(&ssh, &wanted, &mut told(Show::when(self.progress)))?;
        match globals.is_for_people() {
            true => Ok(Success::Text(text(&done))),
            false => Success::of(&done),
        }
    }

    /// Everything that can be checked here, before anybody connects; all that is wrong at once.
    fn check(&self) -> Result<Checked, Fault> {
        let mut problems = Problems::default();
        let way = self.way(&mut problems);
        let given = Given::parse_all(&self.secrets, &mut problems);
        let found = problems.keep(self.described.read());
        let rest = found.and_then(|deployment| {
            let sources = self.sources(&deployment, &mut problems)?;
            problems.extend(machine::check(&deployment, &sources, ambient::now()));
            let secrets = secrets::values(&sources, &given, &mut problems)?;
            Some((deployment, sources, secrets))
        });
        problems.report()?;
        let unreached = || Fault::internal("nothing is wrong, and something is missing");
        let (deployment, sources, secrets) = rest.ok_or_else(unreached)?;
        Ok(Checked { deployment, sources, secrets, way: way.ok_or_else(unreached)? })
    }

    /// How to reach the machine.
    fn way(&self, problems: &mut Problems) -> Option<Way> {
        let host = self.host.as_deref().unwrap_or_default();
        let destination = problems.keep(host.parse::<Destination>().map_err(Fault::invalid));
        let host_key = self
            .host_key
            .as_deref()
            .map(|text| problems.keep(text.parse::<HostKey>().map_err(Fault::invalid)));
        for file in self.identity.iter().chain(&self.ssh_config) {
            if !file.is_file() {
                let shown = file.display();
                problems.add(Fault::not_found(format!("there is no file `{shown}`")));
            }
        }
        let program = problems.keep(ssh());
        Some(Way {
            program: program?,
            destination: destination?,
            port: self.port,
            identity: self.identity.clone(),
            config: self.ssh_config.clone(),
            host_key: match host_key {
                Some(parsed) => Some(parsed?),
                None => None,
            },
        })
    }

    fn sources(&self, deployment: &Deployment, problems: &mut Problems) -> Option<Sources> {
        let fetched = problems.keep(fetched(deployment, &self.registries))?;
        let this = problems.keep(std::env::current_exe().map_err(|error| {
            Fault::unavailable(format!("the system does not say where gtc is: {error}"))
        }))?;
        let mut sources = problems.keep(Sources::of(deployment, &this, fetched.as_deref()))?;
        // Also for an image: somebody has to apply it there.
        sources.binary.get_or_insert(this);
        Some(sources)
    }
}

/// The `ssh` that the shell would run.
fn ssh() -> Result<PathBuf, Fault> {
    let path = environment::variable("PATH").unwrap_or_default();
    let name = format!("ssh{}", std::env::consts::EXE_SUFFIX);
    let mut found = std::env::split_paths(&path).map(|folder| folder.join(&name));
    found.find(|file| file.is_file()).ok_or_else(|| {
        Fault::not_found("there is no `ssh` on this machine, by which the other one is reached")
            .hint("install the client of OpenSSH: apt-get install openssh-client")
    })
}

/// Shows how far it is.
fn told(show: Show) -> impl FnMut(Reached<'_>) {
    let mut copying: Option<(&str, progress::Bytes)> = None;
    move |reached| match reached {
        Reached::Looking => show.line("looking at the machine"),
        Reached::Copying { name, done, total } => {
            if copying.as_ref().is_none_or(|(before, _)| *before != name) {
                let what = format!("copying {name}");
                if show == Show::InLines {
                    show.line(&what);
                }
                copying = Some((name, progress::bytes(&what)));
            }
            if let Some((_, bar)) = &copying {
                bar.at(done, total);
            }
        }
        Reached::Applying(line) => {
            copying = None;
            show.line(line);
        }
    }
}

fn text(done: &Bootstrapped) -> String {
    let Bootstrapped { name, host, program, description, .. } = done;
    let steps = &done.applied["steps"];
    format!(
        "`{name}` is on `{host}` as described, and healthy, after {steps} steps.\n\
         There, `sudo {program} single-vm status --spec {description}` tells how it is.\n"
    )
}
