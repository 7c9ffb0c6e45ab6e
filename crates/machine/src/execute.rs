//! Carries out the steps of a plan, and keeps the record of them.

use deploy_spec::Fault;
use serde::Serialize;
use single_vm::spec::DeploymentName;
use single_vm::{Desired, Plan, Recorded, Step};

use crate::machine::{Machine, With};
use crate::sources::Sources;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "progress")]
pub enum Progress<'a> {
    /// A step begins.
    Begun {
        /// Which, counted from 1.
        number: usize,
        /// Of how many.
        of: usize,
        /// What.
        step: &'a Step,
    },
    /// The last step that began is done.
    Done,
    /// What was begun failed, and what ran before is brought back.
    GoingBack {
        /// Why.
        why: &'a Fault,
    },
}

/// Who is told of progress.
pub type Tell<'a> = &'a mut dyn FnMut(Progress<'_>);

/// One plan after another, for one deployment on one machine.
pub(crate) struct Run<'a> {
    pub(crate) machine: &'a dyn Machine,
    pub(crate) name: &'a DeploymentName,
    pub(crate) sources: &'a Sources,
    pub(crate) recorded: Recorded,
    pub(crate) tell: Tell<'a>,
}

impl Run<'_> {
    /// Does every step of `plan`, which leads to `desired`. Cut at any point, another plan goes on
    /// from there: a step is noted before it is begun.
    pub(crate) fn execute(&mut self, plan: &Plan, desired: Option<&Desired>) -> Result<(), Fault> {
        let of = plan.steps.len();
        let with = With { sources: self.sources, desired };
        for (i, step) in plan.steps.iter().enumerate() {
            (self.tell)(Progress::Begun { number: i + 1, of, step });
            self.note(|recorded| recorded.begin(step))?;
            self.machine.carry_out(step, &with)?;
            self.note(|recorded| recorded.end(step))?;
            (self.tell)(Progress::Done);
        }
        self.note(|recorded| recorded.finish(plan, desired))?;
        match desired {
            Some(_) => Ok(()),
            // Also when nothing was recorded: something may have been brought.
            None => self.machine.record(self.name, &self.recorded),
        }
    }

    fn note(&mut self, change: impl FnOnce(&mut Recorded)) -> Result<(), Fault> {
        let before = self.recorded.clone();
        change(&mut self.recorded);
        if self.recorded == before {
            return Ok(());
        }
        self.machine.record(self.name, &self.recorded)
    }
}
