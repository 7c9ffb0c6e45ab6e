//! Brings a deployment to a machine that has nothing but `sshd`, and has it applied there.
//!
//! What is brought is copied over the connection and read from the machine's own disk: nothing
//! listens for it anywhere. Secrets are in memory there for as long as a unit of systemd runs, which
//! removes them however it ends. Whatever is done twice comes to the same end.

mod apply;
mod check;
mod copy;
mod look;

use deploy_spec::{Digest, Fault, document};
use serde::Serialize;
use serde_json::Value;
use single_vm::Deployment;
use single_vm::bootstrap::{Brought, Course, Landing, Repeat, course, first, kept};
use single_vm::resource::Artifact;
use single_vm::spec::{DeploymentName, Mtls};
use zeroize::Zeroizing;

use crate::sources::Sources;
use crate::ssh::{Script, Ssh};
use apply::{Stage, Staged};
pub use check::check;
use copy::{Content, Parcel};

/// What is brought, once [`crate::check`] has found nothing wrong with it.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// What is described.
    pub deployment: &'a Deployment,
    /// Where what it names is on this machine; the binary is the `gtc` for that one.
    pub sources: &'a Sources,
    /// The version that the binary must be of: `gtc --version` must end with it.
    pub version: &'a str,
    /// The values of secrets, by the names that the bundle has for them.
    pub secrets: Vec<(String, &'a [u8])>,
    /// Whether it may be done on a machine that has it.
    pub repeat: Repeat,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bootstrapped {
    /// Which deployment.
    pub name: DeploymentName,
    /// On which machine.
    pub host: String,
    /// How it stood to those before it.
    pub course: Course,
    /// What was copied; what was there already was not.
    pub copied: Vec<&'static str>,
    /// Which secrets were stored.
    pub secrets: Vec<String>,
    /// Where the machine keeps the description, for commands there.
    pub description: String,
    /// The `gtc` there.
    pub program: String,
    /// The result of `gtc single-vm apply` there.
    pub applied: Value,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached<'a> {
    /// It looks at the machine.
    Looking,
    /// So many bytes of a file are there.
    Copying {
        /// Which.
        name: &'static str,
        /// How many bytes are sent.
        done: u64,
        /// Of how many.
        total: u64,
    },
    /// What the machine says while it applies.
    Applying(&'a str),
}

/// Who is told how far it is.
pub type TellReached<'a> = &'a mut dyn FnMut(Reached<'_>);

/// Brings what is wanted, and has it applied.
///
/// # Errors
/// `refused` when the machine has the deployment already, or cannot have one; `unavailable` when the
/// connection breaks: the same again goes on from there; otherwise what `gtc single-vm apply` on the
/// machine answers.
pub fn bootstrap(
    ssh: &Ssh,
    wanted: &Wanted<'_>,
    tell: TellReached<'_>,
) -> Result<Bootstrapped, Fault> {
    let name = &wanted.deployment.metadata.name;
    let landing = Landing::of(name);
    let brought = brought(wanted)?;
    let description = json(&kept(wanted.deployment, &brought));
    let parcels = parcels(wanted, &landing, &description)?;
    tell(Reached::Looking);
    let there = look::look(ssh, &landing, &parcels)?;
    there.suits(wanted.deployment.spec.runtime.arch.as_str())?;
    let told = Digest::of(description.as_bytes());
    let course = course(name, &told, (&there.journal, there.is_recorded), wanted.repeat)?;
    if course != Course::Resumed {
        note(ssh, &landing, &format!("begun {told}"))?;
    }
    let mut copied = Vec::new();
    for parcel in parcels.iter().filter(|parcel| !there.has(parcel)) {
        copy::copy(ssh, &landing, parcel, tell)?;
        copied.push(parcel.name);
    }
    copy::runs(ssh, &landing, wanted.version)?;
    let stage = staged(wanted, &landing, &brought)?;
    let applied = apply::apply(ssh, &landing, &stage, tell)?;
    // Not noted by the machine itself: whoever did not hear the end may ask once more.
    note(ssh, &landing, "finished")?;
    Ok(Bootstrapped {
        name: name.clone(),
        host: ssh.destination().to_string(),
        course,
        copied,
        secrets: wanted.secrets.iter().map(|(name, _)| name.clone()).collect(),
        description: landing.description().to_string(),
        program: landing.program().to_string(),
        applied,
    })
}

/// Notes in the journal on the machine.
fn note(ssh: &Ssh, landing: &Landing, what: &str) -> Result<(), Fault> {
    let words = [landing.folder().as_str(), what];
    let script = Script { text: include_str!("bootstrap/note.sh"), words: &words };
    let ended = ssh.run(script, &mut |_| Ok(()), &mut |_| {})?;
    ended.must("nothing can be written on the machine").map(drop)
}

fn json(deployment: &Deployment) -> String {
    String::from_utf8_lossy(&document::to_line(deployment)).into_owned()
}

fn brought(wanted: &Wanted<'_>) -> Result<Brought, Fault> {
    let digest = |artifact| crate::local::digest(wanted.sources.path(artifact)?);
    let certificates = match &wanted.deployment.spec.runtime.admin.mtls {
        Mtls::Generate(_) => None,
        Mtls::Files(_) => Some([
            digest(Artifact::Authority)?,
            digest(Artifact::Certificate)?,
            digest(Artifact::Key)?,
        ]),
    };
    Ok(Brought { bundle: digest(Artifact::Bundle)?, certificates })
}

/// What is copied and stays.
fn parcels<'a>(
    wanted: &Wanted<'a>,
    landing: &Landing,
    description: &'a str,
) -> Result<Vec<Parcel<'a>>, Fault> {
    let file = |name, artifact, path| -> Result<Parcel<'a>, Fault> {
        let from = wanted.sources.path(artifact)?;
        let digest = crate::local::digest(from)?;
        Ok(Parcel { name, path, mode: "0600", digest, content: Content::File(from) })
    };
    let program = file("gtc", Artifact::Binary, landing.program())?;
    let mut parcels = vec![
        Parcel { mode: "0755", ..program },
        file("bundle.gtbundle", Artifact::Bundle, landing.bundle())?,
    ];
    if matches!(wanted.deployment.spec.runtime.admin.mtls, Mtls::Files(_)) {
        parcels.push(file("ca.pem", Artifact::Authority, landing.authority())?);
        parcels.push(file("cert.pem", Artifact::Certificate, landing.certificate())?);
    }
    parcels.push(Parcel {
        name: "deployment.json",
        path: landing.description(),
        mode: "0600",
        digest: Digest::of(description.as_bytes()),
        content: Content::Text(description),
    });
    Ok(parcels)
}

/// What is there only while it is applied: the secrets, and a given key with the description that
/// names it.
fn staged(wanted: &Wanted<'_>, landing: &Landing, brought: &Brought) -> Result<Stage, Fault> {
    let mut stage = Stage { description: landing.description().to_string(), files: Vec::new() };
    if brought.certificates.is_some() {
        let key = wanted.sources.path(Artifact::Key)?;
        let content = std::fs::read(key).map_err(crate::local::failed("reading", key))?;
        let description = json(&first(wanted.deployment, brought)).into_bytes();
        stage.description = format!("{}/deployment.json", landing.staged());
        for (name, content) in [("key.pem", content), ("deployment.json", description)] {
            stage.files.push(Staged { name: name.into(), content: Zeroizing::new(content) });
        }
    }
    for (name, value) in &wanted.secrets {
        let content = Zeroizing::new(value.to_vec());
        stage.files.push(Staged { name: format!("secrets/{name}"), content });
    }
    Ok(stage)
}
