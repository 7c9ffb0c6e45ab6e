//! Where no machine can be one with systemd: there is no [`Linux`], and so nothing is done to it.

use std::any::Any;
use std::collections::BTreeSet;

use deploy_spec::{Fault, Timestamp};
use single_vm::spec::DeploymentName;
use single_vm::{Deployment, Desired, Facts, Id, Observed, Recorded, Step};

use crate::machine::{Machine, With};
use crate::sources::Sources;

/// A Linux machine; this is none.
#[derive(Debug)]
pub enum Linux {}

impl Linux {
    /// The machine that this program runs on.
    ///
    /// # Errors
    /// `refused`, always.
    pub fn of_this_program(_: Timestamp) -> Result<Self, Fault> {
        Err(crate::local::no_systemd())
    }

    /// What must be known beside the description.
    ///
    /// # Errors
    /// None.
    pub fn facts(&self, _: &Deployment, _: &Sources, _: &Recorded) -> Result<Facts, Fault> {
        match *self {}
    }
}

impl Machine for Linux {
    fn observe(&self, _: &BTreeSet<Id>) -> Result<Observed, Fault> {
        match *self {}
    }

    fn carry_out(&self, _: &Step, _: &With<'_>) -> Result<(), Fault> {
        match *self {}
    }

    fn store_secrets(&self, _: &Desired, _: &Sources) -> Result<(), Fault> {
        match *self {}
    }

    fn probe(&self, _: &Desired) -> Result<(), Fault> {
        match *self {}
    }

    fn log_lines(&self, _: &str) -> Vec<String> {
        match *self {}
    }

    fn recorded(&self, _: &DeploymentName) -> Result<Recorded, Fault> {
        match *self {}
    }

    fn record(&self, _: &DeploymentName, _: &Recorded) -> Result<(), Fault> {
        match *self {}
    }

    fn claim(&self, _: &DeploymentName) -> Result<Box<dyn Any>, Fault> {
        match *self {}
    }
}
