//! Plans, as they are shown, kept and carried out.

use deploy_spec::{Fault, document};
use serde::{Deserialize, Serialize};
use single_vm::spec::DeploymentName;
use single_vm::{
    Aim, Desired, Observed, Plan, Recorded, plan, plan_removal, plan_text, to_observe,
};

use crate::machine::Machine;
use crate::sources::Sources;

/// The version of [`PlanDocument`].
pub const PLAN_SCHEMA: &str = "greentic.single-vm-plan.v1";

/// A plan with all that it takes to carry it out. Kept, it can be carried out as long as the
/// machine is what it was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanDocument {
    /// [`PLAN_SCHEMA`].
    pub schema: String,
    /// What the machine should have; none for a plan that removes.
    pub desired: Option<Desired>,
    /// Where what is copied comes from.
    pub sources: Sources,
    /// The steps.
    pub plan: Plan,
}

impl PlanDocument {
    /// A plan that was kept.
    ///
    /// # Errors
    /// `invalid-input` when it is none, or of another version.
    pub fn from_json(text: &[u8]) -> Result<Self, Fault> {
        let read: Self = document::from_json(text)?;
        if read.schema == PLAN_SCHEMA {
            return Ok(read);
        }
        let found = &read.schema;
        Err(Fault::invalid(format!("this is `{found}`, and a plan is `{PLAN_SCHEMA}`"))
            .at("/schema"))
    }

    /// Whether there is nothing to do: what `-detailed-exitcode` tells.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.plan.is_empty()
    }

    /// As people read it.
    #[must_use]
    pub fn text(&self) -> String {
        plan_text(&self.plan)
    }
}

/// What a plan was made from.
pub(crate) struct Found {
    pub(crate) observed: Observed,
    pub(crate) recorded: Recorded,
}

/// What the machine has of what is wanted and what was recorded.
pub(crate) fn find(
    machine: &dyn Machine,
    name: &DeploymentName,
    desired: Option<&Desired>,
) -> Result<Found, Fault> {
    let recorded = machine.recorded(name)?;
    let observed = machine.observe(&to_observe(desired, &recorded))?;
    Ok(Found { observed, recorded })
}

/// Plans what gives the machine what it should have. Nothing is touched.
///
/// # Errors
/// `conflict` when something of others stands in the way; `unavailable` when the machine cannot be
/// read.
pub fn plan_apply(
    machine: &dyn Machine,
    desired: &Desired,
    sources: &Sources,
) -> Result<PlanDocument, Fault> {
    let found = find(machine, &desired.name, Some(desired))?;
    let plan = plan(desired, &found.observed, &found.recorded)?;
    Ok(PlanDocument {
        schema: PLAN_SCHEMA.into(),
        desired: Some(desired.clone()),
        sources: sources.clone(),
        plan,
    })
}

/// Plans what removes what was made; the data only when `aim` is [`Aim::Purge`]. Nothing is touched.
///
/// # Errors
/// `unavailable` when the machine cannot be read; `invalid-input` when `aim` is to apply.
pub fn plan_destroy(
    machine: &dyn Machine,
    name: &DeploymentName,
    aim: Aim,
) -> Result<PlanDocument, Fault> {
    if aim == Aim::Apply {
        return Err(Fault::invalid("a plan that removes does not apply"));
    }
    let found = find(machine, name, None)?;
    let plan = plan_removal(name, &found.observed, &found.recorded, aim);
    Ok(PlanDocument {
        schema: PLAN_SCHEMA.into(),
        desired: None,
        sources: Sources::default(),
        plan,
    })
}

/// The plan that `document` would be if it were made now.
///
/// # Errors
/// `conflict` when the machine, the record or the document itself is not what it was.
pub(crate) fn check(document: &PlanDocument, found: &Found) -> Result<(), Fault> {
    document.plan.check(&found.observed, &found.recorded)?;
    let plan_now = match &document.desired {
        Some(desired) => plan(desired, &found.observed, &found.recorded)?,
        None => {
            let (name, aim) = (&document.plan.name, document.plan.aim);
            plan_removal(name, &found.observed, &found.recorded, aim)
        }
    };
    if plan_now == document.plan {
        return Ok(());
    }
    Err(Fault::conflict("the plan is not the one that was made of this state; nothing was done")
        .hint("gtc single-vm plan makes one of what it is now"))
}
