//! `gtc single-vm apply`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bundle::Archive;
use clap::Args;
use deploy_spec::{Fault, SecretPath};
use machine::{Linux, PlanDocument, apply};
use single_vm::{Aim, Deployment};

use super::described::{Described, planned, this_machine};
use super::shown::{self, Show};
use crate::globals::Globals;
use crate::outcome::Success;
use crate::registries::Registries;

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    described: Described,
    /// Carry out this plan, which `plan --output` has kept, if the machine is still what it was
    #[arg(long, value_name = "FILE", conflicts_with = "spec")]
    plan: Option<PathBuf>,
    /// Store the values of the bundle's secrets first: private files in this directory, each called
    /// as the bundle calls the secret
    #[arg(long, value_name = "DIR", conflicts_with = "plan")]
    secrets: Option<PathBuf>,
    /// Tell each step on a line of standard error, also when no terminal shows it
    #[arg(long)]
    progress: bool,
    #[command(flatten)]
    registries: Registries,
}

impl ApplyArgs {
    pub(super) fn run(&self, globals: &Globals) -> Result<Success, Fault> {
        if self.described.schema {
            return Ok(Success::Document(Deployment::schema()));
        }
        let (linux, document) = self.document()?;
        let applied = apply(&linux, &document, &mut shown::steps(Show::when(self.progress)))?;
        if !globals.is_for_people() {
            return Success::of(&applied);
        }
        let name = &applied.name;
        let text = match (applied.changed, applied.aim) {
            (false, _) => document.text(),
            (true, Aim::Apply) => {
                format!("`{name}` is as described, and healthy, after {} steps.\n", applied.steps)
            }
            (true, Aim::Destroy | Aim::Purge) => {
                format!("`{name}` is removed, in {} steps.\n", applied.steps)
            }
        };
        Ok(Success::Text(text))
    }

    fn document(&self) -> Result<(Linux, PlanDocument), Fault> {
        if let Some(path) = &self.plan {
            let kept = kept(path)?;
            return Ok((this_machine()?, kept));
        }
        let deployment = self.described.read()?;
        let linux = this_machine()?;
        let mut document = planned(&linux, &deployment, &self.registries)?;
        if let (Some(folder), Some(bundle)) = (&self.secrets, &document.sources.bundle) {
            document.sources.secrets = secrets(folder, bundle)?;
        }
        Ok((linux, document))
    }
}

/// The files in a directory, by the paths that the environment has for the secrets of a bundle.
fn secrets(folder: &Path, bundle: &Path) -> Result<BTreeMap<String, PathBuf>, Fault> {
    let unread = |error: std::io::Error| {
        Fault::invalid(format!("`{}` cannot be read: {error}", folder.display()))
    };
    let folder = std::path::absolute(folder).map_err(unread)?;
    let bundle_id = Archive::open(bundle)?.manifest().bundle_id.clone();
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).map_err(unread)? {
        let file = entry.map_err(unread)?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = SecretPath::of_bundle(&bundle_id, &name)?;
        // Read once, so that one that is open to others is refused before anything is done.
        env_pack::read_file(&file)?;
        found.insert(path.to_string(), file);
    }
    Ok(found)
}

fn kept(path: &Path) -> Result<PlanDocument, Fault> {
    let text = std::fs::read(path).map_err(|error| {
        Fault::invalid(format!("`{}` cannot be read: {error}", path.display()))
            .hint("gtc single-vm plan --spec FILE --output PLAN keeps a plan")
    })?;
    PlanDocument::from_json(&text)
}
