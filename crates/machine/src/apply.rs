//! Carries out a plan, and brings back what ran before when it does not become healthy.

use deploy_spec::{Fault, Kind};
use serde::Serialize;
use single_vm::spec::DeploymentName;
use single_vm::{Action, Aim, Desired, Kept, Step, plan};

use crate::execute::{Progress, Run, Tell};
use crate::machine::Machine;
use crate::plan::{self, Found, PlanDocument};

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Applied {
    /// For which deployment.
    pub name: DeploymentName,
    /// What for.
    pub aim: Aim,
    /// How many steps it took; 0 when there was nothing to do.
    pub steps: usize,
    /// Whether anything was done.
    pub changed: bool,
    /// What was left although it was made for the deployment.
    pub kept: Vec<Kept>,
    /// The secrets whose values were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
}

/// Carries out `document`, telling of each step.
///
/// # Errors
/// `conflict` when the machine is no longer what the plan was made from, or another command changes
/// it; `unhealthy` when the deployment does not become so: then what ran before is back, if
/// something did (`details.restored`), and `details.log` is what the unit last said. After any
/// failure another plan goes on from there.
pub fn apply(
    machine: &dyn Machine,
    document: &PlanDocument,
    tell: Tell<'_>,
) -> Result<Applied, Fault> {
    let name = &document.plan.name;
    let _claimed = machine.claim(name)?;
    let desired = document.desired.as_ref();
    let found = plan::find(machine, name, desired)?;
    plan::check(document, &found)?;
    let Found { recorded, .. } = found;
    let mut run = Run { machine, name, sources: &document.sources, recorded, tell };
    if !document.is_empty() || document.desired.is_none() {
        let done = run.execute(&document.plan, desired);
        done.map_err(|fault| go_back(&mut run, desired, fault))?;
    }
    store_secrets(machine, document)?;
    Ok(Applied {
        name: name.clone(),
        aim: document.plan.aim,
        steps: document.plan.steps.len(),
        changed: !document.is_empty(),
        kept: document.plan.kept.clone(),
        secrets: document.sources.secrets.keys().cloned().collect(),
    })
}

/// What is given is stored, also when no bundle is rolled out that would need it.
fn store_secrets(machine: &dyn Machine, document: &PlanDocument) -> Result<(), Fault> {
    let rolls_out = |step: &Step| matches!(step.action, Action::RollOut(_));
    match &document.desired {
        Some(desired) if !document.plan.steps.iter().any(rolls_out) => {
            machine.store_secrets(desired, &document.sources)
        }
        _ => Ok(()),
    }
}

/// Brings back what was last healthy, if that was another.
fn go_back(run: &mut Run<'_>, desired: Option<&Desired>, fault: Fault) -> Fault {
    let Some(desired) = desired else { return fault };
    let fault = with_log(run.machine, desired, fault);
    let Some(before) = run.recorded.applied.clone().filter(|before| before != desired) else {
        return fault
            .detail("restored", false)
            .hint("gtc single-vm apply goes on from there; gtc single-vm destroy removes it");
    };
    (run.tell)(Progress::GoingBack { why: &fault });
    let name = &desired.name;
    match back(run, &before) {
        Ok(()) => {
            let message = format!("{}; what ran before is back", fault.message);
            Fault { message, ..fault }.detail("restored", true)
        }
        Err(why) => {
            let message = format!(
                "{}; and what ran before could not be brought back: {}",
                fault.message, why.message
            );
            Fault { message, ..fault }
                .detail("restored", false)
                .hint(format!("gtc single-vm status shows what `{name}` is now"))
        }
    }
}

fn back(run: &mut Run<'_>, before: &Desired) -> Result<(), Fault> {
    let found = plan::find(run.machine, run.name, Some(before))?;
    let plan = plan(before, &found.observed, &found.recorded)?;
    run.execute(&plan, Some(before))
}

fn with_log(machine: &dyn Machine, desired: &Desired, fault: Fault) -> Fault {
    if fault.kind != Kind::Unhealthy {
        return fault;
    }
    let log = machine.log_lines(&desired.gate.service);
    fault.detail("log", log)
}
