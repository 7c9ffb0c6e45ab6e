//! The steps from what a machine has to what it should have, in an order in which they can be done,
//! interrupted, and begun again.
//!
//! What a running service reads has a path that tells its version, so that nothing is changed under
//! it, and everything that it needs is there until another runs in its place and is healthy. Only
//! after that is the old one removed.

mod order;
mod removal;

use deploy_spec::{Digest, Fault, document};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::desired::{Desired, Gate};
use crate::differ::differences;
use crate::fields::Change;
use crate::id::Id;
use crate::observed::Observed;
use crate::recorded::Recorded;
use crate::resource::{Actual, Resource};
use crate::spec::DeploymentName;

/// The steps, and what they were made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Whose.
    pub name: DeploymentName,
    /// Where to.
    pub aim: Aim,
    /// What to do, in this order.
    pub steps: Vec<Step>,
    /// What is left although it was made for the deployment.
    pub kept: Vec<Kept>,
    /// The digest of what the machine had, and of what was recorded.
    pub made_from: Digest,
}

/// What a plan leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// That the machine has what is described.
    Apply,
    /// That it has nothing of it but its data.
    Destroy,
    /// That it has nothing of it.
    Purge,
}

/// One thing to do. Each can be done twice with the same end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// To what.
    pub id: Id,
    /// What.
    pub action: Action,
    /// What was found there; none when there was nothing.
    pub before: Option<Actual>,
    /// Field by field.
    pub changes: Vec<Change>,
}

/// What can be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do", content = "what")]
pub enum Action {
    /// Make it. What is already there and the same is left.
    Create(Resource),
    /// Make it so. The owner of a directory is that of all in it.
    Change(Resource),
    /// Remove it: directories of [`crate::resource::Holds::Parts`] and `Mount` only when they are
    /// empty, others with all in them. What is not there is removed already.
    Remove(Resource),
    /// Make it what it was before it was ours.
    Restore(Actual),
    /// Have systemd read its units again.
    Reload,
    /// Have the unit start with the machine.
    Enable,
    /// Have it no longer do so.
    Disable,
    /// Start the unit, and wait until it is active.
    Start,
    /// Stop the unit, and wait until it is inactive.
    Stop,
    /// Stop and start the unit.
    Restart,
    /// Let the bundle take all requests, by its strategy; wait until none is left with the old one.
    RollOut(Resource),
    /// Wait until the deployment is healthy. What comes after is done only then; when it does not
    /// become so, a plan to [`Recorded::applied`] leads back.
    Await(Gate),
}

/// What is left, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// What.
    pub id: Id,
    /// Why.
    pub why: String,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether the plan is of this state of the machine and of the record.
    ///
    /// # Errors
    /// `conflict` when it was made from another one.
    pub fn check(&self, observed: &Observed, recorded: &Recorded) -> Result<(), Fault> {
        if self.made_from == state(observed, recorded) {
            return Ok(());
        }
        Err(Fault::conflict(format!(
            "the machine has changed since the plan for `{}` was made; nothing was done",
            self.name
        ))
        .hint("gtc single-vm plan makes one of what it is now"))
    }
}

fn state(observed: &Observed, recorded: &Recorded) -> Digest {
    document::canonical_digest(&json!({"observed": observed, "recorded": recorded}))
}

/// The plan that gives the machine what it should have.
///
/// # Errors
/// `conflict` when something of others stands in the way; all of it in `details.collisions`.
pub fn plan(desired: &Desired, observed: &Observed, recorded: &Recorded) -> Result<Plan, Fault> {
    let differences = differences(desired, observed, recorded)?;
    let superseded = removal::superseded(desired, observed, recorded);
    let mut steps = order::steps(desired, observed, recorded, &differences, &superseded);
    let runs_anew =
        |step: &Step| matches!(step.action, Action::Start | Action::Restart | Action::RollOut(_));
    if steps.iter().any(runs_anew) || recorded.applied.as_ref() != Some(desired) {
        let id = Id::Unit(desired.gate.service.clone());
        steps.push(step(id, Action::Await(desired.gate.clone())));
    }
    steps.extend(superseded.steps);
    Ok(Plan {
        name: desired.name.clone(),
        aim: Aim::Apply,
        steps,
        kept: superseded.kept,
        made_from: state(observed, recorded),
    })
}

/// The plan that removes what was made for the deployment, and gives back what was changed; its data
/// only when `aim` is [`Aim::Purge`].
#[must_use]
pub fn plan_removal(
    name: &DeploymentName,
    observed: &Observed,
    recorded: &Recorded,
    aim: Aim,
) -> Plan {
    let removal = removal::everything(observed, recorded, aim);
    Plan {
        name: name.clone(),
        aim,
        steps: removal.steps,
        kept: removal.kept,
        made_from: state(observed, recorded),
    }
}

/// A step that is about no field.
fn step(id: Id, action: Action) -> Step {
    Step { id, action, before: None, changes: Vec::new() }
}
