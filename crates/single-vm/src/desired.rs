//! What the machine should have: pure data out of the description and the facts.

use std::collections::BTreeSet;

use deploy_spec::{Digest, Fault};
use serde::{Deserialize, Serialize};

use crate::certificates::{AdminFiles, certificates};
use crate::facts::{Facts, ProgramFacts};
use crate::id::Id;
use crate::layout::{Layout, mount_unit, unit_file};
use crate::resource::{Artifact, Content, Engine, Holds, Mode, Owner, Resource};
use crate::spec::{Deployment, DeploymentName, HttpPath, MachinePath, Program};
use crate::suits;
use crate::units;

/// What the machine should have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desired {
    /// What the deployment is called.
    pub name: DeploymentName,
    /// Everything, in an order in which it can be made.
    pub resources: Vec<Resource>,
    /// When it is healthy.
    pub gate: Gate,
}

/// When a deployment is healthy: its admin endpoint answers 200 to both paths in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The unit whose journal says why it is not.
    pub service: String,
    /// The port of the admin endpoint on 127.0.0.1, by TLS.
    pub admin_port: u16,
    /// Asked until it says 200.
    pub readiness_path: HttpPath,
    /// Asked once after that.
    pub liveness_path: HttpPath,
    /// How long it may take, in seconds.
    pub timeout_seconds: u32,
}

impl Desired {
    /// Which things it has.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<Id> {
        self.resources.iter().map(Resource::id).collect()
    }
}

/// The deployment and where its parts are.
pub(crate) struct Place<'a> {
    pub(crate) deployment: &'a Deployment,
    pub(crate) facts: &'a Facts,
    pub(crate) layout: Layout<'a>,
}

impl Place<'_> {
    /// Whom the service runs as.
    pub(crate) fn owner(&self) -> Owner {
        let service = &self.deployment.spec.service;
        Owner { user: service.user.to_string(), group: service.group.to_string() }
    }

    /// Who reads secrets: systemd, which hands them to the service, or the service itself out of a
    /// container, to which nobody hands anything.
    pub(crate) fn reader(&self) -> Owner {
        match self.facts.program {
            ProgramFacts::Binary(_) => Owner::root(),
            ProgramFacts::Image(..) => self.owner(),
        }
    }

    /// Whether systemd listens. Docker cannot hand sockets to what it runs.
    pub(crate) fn has_socket(&self) -> bool {
        !matches!(self.facts.program, ProgramFacts::Image(Engine::Docker, _))
    }
}

/// What the machine should have so that `deployment` runs on it.
///
/// # Errors
/// `refused` when the machine cannot have it, `conflict` when the bundle is not the one that the
/// description names; every reason at once in `details.reasons`.
pub fn desired(deployment: &Deployment, facts: &Facts) -> Result<Desired, Fault> {
    suits::can_be(deployment, facts)?;
    let layout = Layout::of(&deployment.metadata.name);
    let place = Place { deployment, facts, layout };
    let mut resources = accounts(&place);
    resources.extend(directories(&place));
    let (made, admin) = certificates(&place, &facts.certificates);
    resources.extend(made);
    resources.extend(artifacts(&place));
    resources.extend(texts(&place));
    resources.extend(running(&place, &admin));
    let gate = gate(deployment, place.layout.service());
    Ok(Desired { name: deployment.metadata.name.clone(), resources, gate })
}

fn gate(deployment: &Deployment, service: String) -> Gate {
    let health = deployment.spec.health.clone();
    Gate {
        service,
        admin_port: deployment.spec.runtime.admin.bind.port(),
        readiness_path: health.readiness_path,
        liveness_path: health.liveness_path,
        timeout_seconds: health.startup_timeout_seconds,
    }
}

fn accounts(place: &Place<'_>) -> Vec<Resource> {
    let service = &place.deployment.spec.service;
    vec![
        Resource::Group { name: service.group.clone(), gid: place.facts.gid },
        Resource::User {
            name: service.user.clone(),
            uid: place.facts.uid,
            group: service.group.clone(),
        },
    ]
}

fn directories(place: &Place<'_>) -> Vec<Resource> {
    let (root, owner) = (Owner::root(), place.owner());
    let shared = Owner { user: "root".into(), group: owner.group.clone() };
    let storage = &place.deployment.spec.storage;
    let programs = place.layout.programs();
    let data = Holds::Data;
    let rows = [
        (place.layout.certificates(), shared.clone(), 0o750, Holds::Parts),
        (programs.join("bin"), root.clone(), 0o755, Holds::Parts),
        (place.layout.bundles(), shared.clone(), 0o750, Holds::Parts),
        (place.layout.mounts(), shared, 0o750, Holds::Parts),
        (place.layout.mount(&place.facts.bundle), root.clone(), 0o755, Holds::Mount),
        (storage.state_dir.clone(), owner.clone(), 0o700, data),
        (storage.cache_dir.clone(), owner.clone(), 0o700, Holds::Scratch),
        (storage.log_dir.clone(), owner.clone(), 0o750, data),
        (storage.temp_dir.clone(), owner, 0o700, Holds::Scratch),
    ];
    let named: BTreeSet<MachinePath> = rows.iter().map(|(path, ..)| path.clone()).collect();
    let above: BTreeSet<MachinePath> = named.iter().flat_map(ancestors).collect();
    let above = above.into_iter().filter(|path| !named.contains(path));
    let mode = Mode::new(0o755);
    let above = above.map(|path| Resource::Directory {
        path,
        owner: root.clone(),
        mode,
        holds: Holds::Parts,
    });
    let named = rows.into_iter().map(|(path, owner, mode, holds)| Resource::Directory {
        path,
        owner,
        mode: Mode::new(mode),
        holds,
    });
    above.chain(named).collect()
}

/// The directories that `path` is in.
fn ancestors(path: &MachinePath) -> Vec<MachinePath> {
    std::iter::successors(path.parent(), MachinePath::parent).collect()
}

fn artifacts(place: &Place<'_>) -> Vec<Resource> {
    let bundle = &place.facts.bundle;
    let group = place.owner().group;
    let mut resources = vec![Resource::File {
        path: place.layout.bundle(bundle),
        owner: Owner { user: "root".into(), group },
        mode: Mode::new(0o640),
        content: Content::Copy { of: Artifact::Bundle, digest: bundle.clone() },
    }];
    match (&place.facts.program, &place.deployment.spec.runtime.program) {
        (ProgramFacts::Binary(digest), _) => resources.push(Resource::File {
            path: place.layout.binary(digest),
            owner: Owner::root(),
            mode: Mode::new(0o755),
            content: Content::Copy { of: Artifact::Binary, digest: digest.clone() },
        }),
        (ProgramFacts::Image(engine, id), Program::Image(name)) => {
            resources.push(Resource::Image { name: name.clone(), id: id.clone(), engine: *engine });
        }
        (ProgramFacts::Image(..), _) => {}
    }
    resources
}

/// What is written for other parts of the system.
fn texts(place: &Place<'_>) -> Vec<Resource> {
    let name = place.deployment.metadata.name.as_str();
    vec![
        file(
            MachinePath::ours(&format!("/etc/tmpfiles.d/greentic-{name}.conf")),
            units::tmpfiles(place),
        ),
        file(
            MachinePath::ours(&format!("/etc/logrotate.d/greentic-{name}")),
            units::logrotate(place),
        ),
    ]
}

fn file(path: MachinePath, text: String) -> Resource {
    let (owner, mode) = (Owner::root(), Mode::new(0o644));
    Resource::File { path, owner, mode, content: Content::Text(text) }
}

/// The units with their files, and what they serve.
fn running(place: &Place<'_>, admin: &AdminFiles) -> Vec<Resource> {
    let bundle = &place.facts.bundle;
    let mount = place.layout.mount(bundle);
    let (text, configuration) = units::service(place, admin);
    let mut named = vec![(mount_unit(&mount), units::mount(place), None)];
    if place.has_socket() {
        named.push((place.layout.socket(), units::socket(place), None));
    }
    named.push((place.layout.service(), text, Some(configuration)));
    let mut resources = Vec::new();
    let mut units = Vec::new();
    for (name, text, configuration) in named {
        resources.push(file(unit_file(&name), text));
        units.push(Resource::Unit { name, configuration });
    }
    resources.extend(units);
    resources.push(Resource::Serving {
        service: place.layout.service(),
        bundle: bundle.clone(),
        file: place.layout.bundle(bundle),
        mount,
        strategy: place.deployment.spec.rollout.strategy,
    });
    resources
}

/// The digest by which a running service tells what it was started with.
pub(crate) fn configuration(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}
