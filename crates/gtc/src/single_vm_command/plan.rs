//! `gtc single-vm plan`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use deploy_spec::{Fault, document};
use machine::PlanDocument;
use single_vm::Deployment;

use super::described::{Described, planned, this_machine};
use super::shown;
use crate::globals::Globals;
use crate::outcome::{self, Named, Success};
use crate::registries::Registries;

/// What `--detailed-exitcode` says, as Terraform does.
const FAILED: u8 = 1;
const CHANGES: u8 = 2;

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    described: Described,
    /// Keep the plan in a file, for `apply --plan`; it holds as long as the machine stays as it is
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit with 0 when nothing would change, 2 when something would, 1 when planning failed
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    registries: Registries,
}

impl PlanArgs {
    pub(super) fn run(&self, globals: &Globals) -> Result<Success, Fault> {
        if self.described.schema {
            return Ok(Success::Document(Deployment::schema()));
        }
        let made = self.make();
        if !self.detailed_exitcode {
            return show(globals, &made?);
        }
        let named = Named { noun: "single-vm", op: "plan" };
        let document = match made {
            Ok(document) => document,
            Err(fault) => {
                outcome::fail(named.noun, named.op, globals.print, &fault);
                return Ok(Success::Ended(FAILED));
            }
        };
        // A reader that went away has seen enough.
        let _ = outcome::succeed(named, globals.print, show(globals, &document)?);
        Ok(Success::Ended(if document.is_empty() { 0 } else { CHANGES }))
    }

    fn make(&self) -> Result<PlanDocument, Fault> {
        let deployment = self.described.read()?;
        let made = planned(&this_machine()?, &deployment, &self.registries)?;
        if let Some(path) = &self.output {
            keep(path, &made)?;
        }
        Ok(made)
    }
}

fn show(globals: &Globals, document: &PlanDocument) -> Result<Success, Fault> {
    match globals.is_for_people() {
        true => Ok(Success::Text(document.text())),
        false => Success::of(&shown::plan(document)),
    }
}

/// For its owner only: whoever may change it decides what root does.
fn keep(path: &Path, made: &PlanDocument) -> Result<(), Fault> {
    let opened = host_fs::private().write(true).create(true).truncate(true).open(path);
    let written = opened.and_then(|mut file| file.write_all(&document::to_line(made)));
    written.map_err(|error| {
        Fault::unavailable(format!("the plan cannot be kept in `{}`: {error}", path.display()))
    })
}
