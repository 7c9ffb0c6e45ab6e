//! `gtc single-vm apply`.

use std::path::{Path, PathBuf};

use clap::Args;
use deploy_spec::Fault;
use machine::{Linux, PlanDocument, apply};
use single_vm::{Aim, Deployment};

use super::described::{Described, planned, this_machine};
use super::shown;
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
    #[command(flatten)]
    registries: Registries,
}

impl ApplyArgs {
    pub(super) fn run(&self, globals: &Globals) -> Result<Success, Fault> {
        if self.described.schema {
            return Ok(Success::Document(Deployment::schema()));
        }
        let (linux, document) = self.document()?;
        let applied = apply(&linux, &document, &mut shown::steps())?;
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
        let document = planned(&linux, &deployment, &self.registries)?;
        Ok((linux, document))
    }
}

fn kept(path: &Path) -> Result<PlanDocument, Fault> {
    let text = std::fs::read(path).map_err(|error| {
        Fault::invalid(format!("`{}` cannot be read: {error}", path.display()))
            .hint("gtc single-vm plan --spec FILE --output PLAN keeps a plan")
    })?;
    PlanDocument::from_json(&text)
}
