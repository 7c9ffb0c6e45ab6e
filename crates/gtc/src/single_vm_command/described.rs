//! The description of a deployment, and what is found out about this machine for it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use deploy_spec::{Fault, Kind};
use machine::{Linux, Machine as _, PlanDocument, Sources, plan_apply};
use registry::Reference;
use serve::ambient;
use single_vm::spec::BundleSource;
use single_vm::{Deployment, Desired, Problem, desired};

use crate::environment;
use crate::registries::{Registries, bases};

/// The largest description, in bytes.
const SPEC_MAX: u64 = 1024 * 1024;

/// Where the description is.
#[derive(Debug, Args)]
pub(super) struct Described {
    /// The description, in YAML or JSON; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(super) spec: Option<PathBuf>,
    /// Print the JSON Schema of descriptions and stop
    #[arg(long)]
    pub(super) schema: bool,
}

impl Described {
    /// What is described.
    ///
    /// # Errors
    /// `invalid-input` with every problem in it.
    pub(super) fn read(&self) -> Result<Deployment, Fault> {
        let path = self.spec.as_deref().ok_or_else(|| {
            Fault::invalid("the description is not named")
                .hint("give --spec FILE; gtc single-vm plan --help shows the smallest one")
        })?;
        let name = if path == Path::new("-") { "standard input".into() } else { shown(path) };
        let text = text(path, &name)?;
        Deployment::parse(&text).map_err(|problems| Problem::fault(&name, &problems))
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn text(path: &Path, name: &str) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(SPEC_MAX + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(SPEC_MAX + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => Kind::NotFound,
            _ => Kind::InvalidInput,
        };
        Fault::new(kind, format!("{name} cannot be read: {error}"))
            .hint("gtc single-vm plan --help shows the smallest description")
    })?;
    if bytes.len() as u64 > SPEC_MAX {
        return Err(Fault::invalid(format!("{name} is larger than {SPEC_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| Fault::invalid(format!("{name} is no UTF-8 text")))
}

/// This machine, for who may read and change all of it.
///
/// # Errors
/// `refused` for who is not root, and where systemd does not run.
pub(super) fn this_machine() -> Result<Linux, Fault> {
    Linux::of_this_program(ambient::now())
}

/// What the machine should have, and where what is copied to it comes from.
///
/// # Errors
/// What is wrong with the bundle, the binary, the certificates or the machine.
pub(super) fn wanted(
    linux: &Linux,
    deployment: &Deployment,
    registries: &Registries,
) -> Result<(Desired, Sources), Fault> {
    let this = std::env::current_exe().map_err(|error| {
        Fault::unavailable(format!("the system does not say where gtc is: {error}"))
    })?;
    let fetched = fetched(deployment, registries)?;
    let sources = Sources::of(deployment, &this, fetched.as_deref())?;
    let recorded = linux.recorded(&deployment.metadata.name)?;
    let facts = linux.facts(deployment, &sources, &recorded)?;
    Ok((desired(deployment, &facts)?, sources))
}

/// The plan that leads there.
///
/// # Errors
/// As [`wanted`]; `conflict` when something of others stands in the way.
pub(super) fn planned(
    linux: &Linux,
    deployment: &Deployment,
    registries: &Registries,
) -> Result<PlanDocument, Fault> {
    let (wanted, sources) = wanted(linux, deployment, registries)?;
    plan_apply(linux, &wanted, &sources)
}

/// Brings a bundle from a registry or a web server to this machine, where it stays for the next
/// time.
pub(super) fn fetched(
    deployment: &Deployment,
    registries: &Registries,
) -> Result<Option<PathBuf>, Fault> {
    let bundle = &deployment.spec.bundle;
    let folder = || environment::greentic_home().map(|home| home.join("cache/single-vm"));
    let at = |fault: Fault| fault.at("/spec/bundle/source");
    match &bundle.source {
        BundleSource::File(_) => Ok(None),
        BundleSource::Oci(name) => {
            let parsed = Reference::parse(&format!("oci://{name}"), &bases()).map_err(at)?;
            let Reference::Oci(reference) = parsed else {
                return Err(Fault::internal(format!("`{name}` was a registry's, and is none")));
            };
            registries.pull(&reference, &folder()?, None).map(|fetched| Some(fetched.file))
        }
        BundleSource::Https(url) => {
            let digest = bundle.digest.as_ref().ok_or_else(|| {
                at(Fault::invalid("a bundle from a web server needs its digest beside it"))
            })?;
            registries.file(url.as_ref(), digest, &folder()?).map(Some).map_err(at)
        }
    }
}
