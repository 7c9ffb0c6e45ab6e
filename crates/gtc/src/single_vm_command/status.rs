//! `gtc single-vm status`.

use std::fmt::Write as _;

use clap::Args;
use deploy_spec::Fault;
use machine::{State, Status, status};
use serde_json::json;
use serve::ambient;
use single_vm::Deployment;

use super::described::{Described, this_machine, wanted};
use crate::globals::Globals;
use crate::outcome::{self, Named, Success};
use crate::registries::Registries;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    described: Described,
    #[command(flatten)]
    registries: Registries,
}

impl StatusArgs {
    pub(super) fn run(&self, globals: &Globals) -> Result<Success, Fault> {
        if self.described.schema {
            return Ok(Success::Document(Deployment::schema()));
        }
        let deployment = self.described.read()?;
        let linux = this_machine()?;
        // A bundle that is gone is no reason not to tell what runs.
        let (wanted, unplanned) = match wanted(&linux, &deployment, &self.registries) {
            Ok((wanted, _)) => (Some(wanted), None),
            Err(fault) => (None, Some(fault.message)),
        };
        let name = &deployment.metadata.name;
        let found = status(&linux, name, wanted.as_ref(), ambient::now())?;
        let checked = found.check();
        if globals.is_for_people() {
            let named = Named { noun: "single-vm", op: "status" };
            let text = text(&found, unplanned.as_deref());
            // A reader that went away has seen enough.
            let _ = outcome::succeed(named, globals.print, Success::Text(text));
            return checked.map(|()| Success::Silent);
        }
        let mut told = json!(found);
        told["unplanned"] = json!(unplanned);
        match (checked, told) {
            (Ok(()), told) => Success::of(&told),
            (Err(mut fault), serde_json::Value::Object(fields)) => {
                fault.details.extend(fields);
                Err(fault)
            }
            (Err(fault), _) => Err(fault),
        }
    }
}

fn text(status: &Status, unplanned: Option<&str>) -> String {
    let state = match status.state {
        State::Absent => "is not on this machine",
        State::Unfinished => "was begun, and not applied to the end",
        State::Applied => "is as it was applied",
        State::Drifted => "is not as it was applied",
    };
    let mut text = format!("`{}` {state}", status.name);
    match (&status.problem, status.state) {
        (_, State::Absent) => text.push_str(".\n"),
        (None, _) => text.push_str(", and healthy.\n"),
        (Some(problem), _) => {
            let _ = writeln!(text, ", and not healthy: {problem}");
        }
    }
    text.push_str(&status.drift_text());
    match (status.steps, unplanned) {
        (Some(0), _) => text.push_str("It is as described.\n"),
        (Some(steps), _) => {
            let _ = writeln!(text, "{steps} steps lead to what is described: gtc single-vm plan");
        }
        (None, why) => {
            let why = why.unwrap_or("something of others stands in the way");
            let _ = writeln!(text, "What is described cannot be planned: {why}");
        }
    }
    for certificate in &status.certificates {
        let ends = certificate.not_after.map_or_else(|| "nobody knows".into(), |at| at.to_string());
        let due = if certificate.is_due { "; apply makes it anew" } else { "" };
        let _ = writeln!(text, "{} is good until {ends}{due}", certificate.path);
    }
    text
}
