//! What a plan is carried out on. The real one is [`crate::Linux`]; the tests have one that is a map.

use std::any::Any;
use std::collections::BTreeSet;

use deploy_spec::Fault;
use single_vm::spec::DeploymentName;
use single_vm::{Desired, Id, Observed, Recorded, Step};

use crate::sources::Sources;

/// What a step may need beside itself.
#[derive(Debug, Clone, Copy)]
pub struct With<'a> {
    /// Where copies come from.
    pub sources: &'a Sources,
    /// What the plan leads to; none for one that removes.
    pub desired: Option<&'a Desired>,
}

/// A machine.
pub trait Machine {
    /// What it has of `ids`. Nothing is written.
    ///
    /// # Errors
    /// `unavailable` when it cannot be read.
    fn observe(&self, ids: &BTreeSet<Id>) -> Result<Observed, Fault>;

    /// Does one step. Done twice, or again after it was cut off, it comes to the same end.
    ///
    /// # Errors
    /// `unhealthy` when a unit does not start or the deployment is not healthy in time; `conflict`
    /// when what is copied is not what the plan says; `unavailable` when the machine does not do
    /// what it is told.
    fn carry_out(&self, step: &Step, with: &With<'_>) -> Result<(), Fault>;

    /// Gives the environment of a deployment that runs the values of its secrets. Rolling a bundle
    /// out does so itself.
    ///
    /// # Errors
    /// `unhealthy` when it does not run; otherwise what storing them answers.
    fn store_secrets(&self, desired: &Desired, sources: &Sources) -> Result<(), Fault>;

    /// Asks once whether the deployment is healthy.
    ///
    /// # Errors
    /// `unhealthy`, and why.
    fn probe(&self, desired: &Desired) -> Result<(), Fault>;

    /// The last lines of the journal of `unit`; none when there are none or nobody keeps them.
    fn log_lines(&self, unit: &str) -> Vec<String>;

    /// What was done to it for the deployment before.
    ///
    /// # Errors
    /// `unavailable` when the record cannot be read.
    fn recorded(&self, name: &DeploymentName) -> Result<Recorded, Fault>;

    /// Keeps `recorded`, durably; forgets it when it is empty.
    ///
    /// # Errors
    /// `unavailable` when it cannot be kept.
    fn record(&self, name: &DeploymentName, recorded: &Recorded) -> Result<(), Fault>;

    /// The right to change what belongs to the deployment, until it is dropped.
    ///
    /// # Errors
    /// `conflict` when another process has it.
    fn claim(&self, name: &DeploymentName) -> Result<Box<dyn Any>, Fault>;
}
