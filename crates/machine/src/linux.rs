//! The Linux machine that this program runs on, with systemd.

mod accounts;
mod admin;
mod certificate;
mod command;
mod draft;
mod facts;
mod files;
mod images;
mod mounts;
mod observe;
mod patience;
mod record;
mod serving;
mod units;

use std::any::Any;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use deploy_spec::{Fault, Timestamp};
use single_vm::resource::{Artifact, Holds};
use single_vm::spec::{DeploymentName, MachinePath};
use single_vm::{Action, Actual, Desired, Id, Observed, Recorded, Resource, Step};

use crate::local::no_systemd;
use crate::machine::{Machine, With};
use crate::sources::Sources;
use accounts::Names;

/// How many lines of a unit's journal tell why it is not healthy.
const LOG_LINES: usize = 30;

/// This machine.
#[derive(Debug)]
pub struct Linux {
    /// What paths are in: `/`.
    root: PathBuf,
    now: Timestamp,
    names: Names,
}

impl Linux {
    /// This machine, at this time.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { root: PathBuf::from("/"), now, names: Names::default() }
    }

    /// The machine that this program runs on, for who may read and change all of it.
    ///
    /// # Errors
    /// `refused` for who is not root, and where systemd does not run.
    pub fn of_this_program(now: Timestamp) -> Result<Self, Fault> {
        // sd_booted(3)
        if !Path::new("/run/systemd/system").is_dir() {
            return Err(no_systemd());
        }
        if !rustix::process::geteuid().is_root() {
            return Err(Fault::refused(
                "gtc single-vm reads and changes what belongs to the whole machine, which takes root",
            )
            .hint("sudo gtc single-vm …"));
        }
        Ok(Self::new(now))
    }

    fn path(&self, path: &MachinePath) -> PathBuf {
        self.root.join(path.as_str().trim_start_matches('/'))
    }

    /// Makes what is wanted, or mends it.
    fn make(&self, resource: &Resource, with: &With<'_>) -> Result<(), Fault> {
        match resource {
            Resource::Group { .. } | Resource::User { .. } => self.names.make(resource),
            Resource::Directory { path, owner, mode, holds } => {
                let is_written_to = matches!(holds, Holds::Data | Holds::Scratch);
                if *holds == Holds::Mount && mounts::is_mounted(path.as_str()) {
                    return Ok(());
                }
                files::make_directory(&self.path(path), owner, *mode, &self.names, is_written_to)
            }
            Resource::File { path, owner, mode, content } => {
                let path = self.path(path);
                files::write(&path, owner, *mode, content, with.sources, &self.names)
            }
            Resource::Certificate { .. } => {
                certificate::make(resource, |path| self.path(path), self.now, &self.names)
            }
            Resource::Image { id, engine, .. } => images::must_be_there(*engine, id),
            Resource::Unit { .. } | Resource::Serving { .. } => {
                Err(Fault::internal("a unit is started, not made"))
            }
        }
    }

    fn remove(&self, resource: &Resource) -> Result<(), Fault> {
        match resource {
            Resource::Group { .. } | Resource::User { .. } => self.names.remove(resource),
            Resource::Directory { path, holds, .. } => {
                let with_all = matches!(holds, Holds::Data | Holds::Scratch);
                files::remove_directory(&self.path(path), with_all)
            }
            Resource::File { path, .. } => files::remove_file(&self.path(path)),
            Resource::Certificate { path, .. } => files::remove_directory(&self.path(path), true),
            Resource::Image { id, engine, .. } => images::remove(*engine, id),
            Resource::Unit { .. } | Resource::Serving { .. } => {
                Err(Fault::internal("a unit is stopped, not removed"))
            }
        }
    }

    /// Gives a directory back the owner and mode that it had. All else of others is never changed.
    fn restore(&self, id: &Id, before: &Actual) -> Result<(), Fault> {
        match (id, before) {
            (Id::Directory(path), Actual::Directory { owner, mode }) => {
                files::make_directory(&self.path(path), owner, *mode, &self.names, true)
            }
            _ => Err(Fault::internal(format!("{id} cannot be what it was before"))),
        }
    }
}

impl Machine for Linux {
    fn observe(&self, ids: &BTreeSet<Id>) -> Result<Observed, Fault> {
        observe::observe(self, ids)
    }

    fn carry_out(&self, step: &Step, with: &With<'_>) -> Result<(), Fault> {
        let unit = step.id.name();
        match &step.action {
            Action::Create(resource) | Action::Change(resource) => self.make(resource, with),
            Action::Remove(resource) => self.remove(resource),
            Action::Restore(before) => self.restore(&step.id, before),
            Action::Reload => units::reload(),
            Action::Enable => units::enable(unit),
            Action::Disable => units::disable(unit),
            Action::Start => units::start("start", unit),
            Action::Stop => units::stop(unit),
            Action::Restart => units::start("restart", unit),
            Action::RollOut(Resource::Serving { service, bundle, file, strategy, .. }) => {
                serving::roll_out(&serving::RollOut {
                    unit: service,
                    bundle,
                    file: &self.path(file),
                    strategy: *strategy,
                    secrets: &with.sources.secrets,
                })
            }
            Action::RollOut(_) => Err(Fault::internal("only a bundle is rolled out")),
            Action::Await(gate) => admin::wait(gate, &self.identity(with.desired)?),
        }
    }

    fn store_secrets(&self, desired: &Desired, sources: &Sources) -> Result<(), Fault> {
        serving::store(&desired.gate.service, &sources.secrets)
    }

    fn probe(&self, desired: &Desired) -> Result<(), Fault> {
        admin::probe(&desired.gate, &self.identity(Some(desired))?)
    }

    fn log_lines(&self, unit: &str) -> Vec<String> {
        units::log_lines(unit, LOG_LINES)
    }

    fn recorded(&self, name: &DeploymentName) -> Result<Recorded, Fault> {
        record::read(&self.root, name)
    }

    fn record(&self, name: &DeploymentName, recorded: &Recorded) -> Result<(), Fault> {
        record::write(&self.root, name, recorded)
    }

    fn claim(&self, name: &DeploymentName) -> Result<Box<dyn Any>, Fault> {
        let claimed = record::claim(&self.root, name)?;
        // Whatever a crash left half-written was noted before it was begun.
        for id in self.recorded(name)?.entries.keys() {
            if let Id::File(path) | Id::Certificate(path) = id {
                draft::sweep(&self.path(path))?;
            }
        }
        Ok(claimed)
    }
}

impl Linux {
    /// By which certificates the admin endpoint is asked.
    fn identity(&self, desired: Option<&Desired>) -> Result<admin::Identity, Fault> {
        let missing = || Fault::internal("a plan to be healthy says nothing of certificates");
        let resources = &desired.ok_or_else(missing)?.resources;
        let (mut server, mut client) = (None, None);
        for resource in resources {
            match resource {
                Resource::Certificate { path, role, .. } => match role {
                    single_vm::resource::Role::Server => server = Some(self.path(path)),
                    single_vm::resource::Role::Client => client = Some(self.path(path)),
                    single_vm::resource::Role::Authority => {}
                },
                Resource::File {
                    path,
                    content: single_vm::resource::Content::Copy { of: Artifact::Certificate, .. },
                    ..
                } => {
                    let path = self.path(path);
                    let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
                    (server, client) = (Some(folder.clone()), Some(folder));
                }
                _ => {}
            }
        }
        let (server, client) = server.zip(client).ok_or_else(missing)?;
        Ok(admin::Identity { server, client })
    }
}
