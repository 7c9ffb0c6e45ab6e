//! `gtc single-vm destroy`.

use std::io::IsTerminal as _;

use clap::Args;
use deploy_spec::Fault;
use dialoguer::Confirm;
use machine::{PlanDocument, apply, plan_destroy};
use single_vm::{Aim, Deployment};

use super::described::{Described, this_machine};
use super::shown::{self, Show};
use crate::globals::Globals;
use crate::outcome::Success;

#[derive(Debug, Args)]
pub(crate) struct DestroyArgs {
    #[command(flatten)]
    described: Described,
    /// Remove its data and its user as well
    #[arg(long)]
    purge: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl DestroyArgs {
    pub(super) fn run(&self, globals: &Globals) -> Result<Success, Fault> {
        if self.described.schema {
            return Ok(Success::Document(Deployment::schema()));
        }
        let name = self.described.read()?.metadata.name;
        let linux = this_machine()?;
        let aim = if self.purge { Aim::Purge } else { Aim::Destroy };
        let document = plan_destroy(&linux, &name, aim)?;
        if !self.yes && !document.is_empty() {
            ask(&document)?;
        }
        let applied = apply(&linux, &document, &mut shown::steps(Show::OnATerminal))?;
        match (globals.is_for_people(), applied.changed) {
            (false, _) => Success::of(&applied),
            (true, false) => Ok(Success::Text(document.text())),
            (true, true) => {
                Ok(Success::Text(format!("`{name}` is removed, in {} steps.\n", applied.steps)))
            }
        }
    }
}

/// Shows what would be removed, and has somebody say yes.
fn ask(document: &PlanDocument) -> Result<(), Fault> {
    let name = &document.plan.name;
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Fault::refused(format!(
            "{} steps would remove `{name}` from this machine, and there is nobody to ask",
            document.plan.steps.len()
        ))
        .hint("add --yes"));
    }
    anstream::eprint!("{}", document.text());
    let asked = Confirm::new().with_prompt(format!("Remove `{name}`?")).default(false).interact();
    match asked {
        Ok(true) => Ok(()),
        Ok(false) => Err(Fault::refused("nothing was removed")),
        Err(error) => Err(Fault::unavailable(format!("the terminal does not answer: {error}"))),
    }
}
