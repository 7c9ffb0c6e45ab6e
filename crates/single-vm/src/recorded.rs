//! What was done to a machine, so that only that is undone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::desired::Desired;
use crate::id::Id;
use crate::plan::{Action, Plan, Step};
use crate::resource::{Actual, Resource};

/// What was done to a machine for one deployment.
///
/// Whoever executes a plan stores it durably: before each step, with [`Recorded::begin`]; after each
/// one, with [`Recorded::end`]; and when every step is done, with [`Recorded::finish`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// What was made or changed.
    pub entries: BTreeMap<Id, Entry>,
    /// What the machine had when everything was last done and healthy: what a failed health check
    /// goes back to, and what drift is measured by.
    pub applied: Option<Desired>,
}

/// One thing that was made or changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it was made to be.
    pub resource: Resource,
    /// What it was before we first touched it; none when it was not there.
    pub before: Option<Actual>,
}

impl Recorded {
    /// Notes that `step` is about to be done. A step that is begun and never done leaves a note of
    /// something that is not there, which harms nothing.
    pub fn begin(&mut self, step: &Step) {
        let (Action::Create(resource) | Action::Change(resource)) = &step.action else {
            return self.begin_unit(step);
        };
        let entry = Entry { resource: resource.clone(), before: step.before.clone() };
        let kept = self.entries.entry(step.id.clone()).or_insert(entry);
        kept.resource = resource.clone();
    }

    fn begin_unit(&mut self, step: &Step) {
        if let (Action::Enable | Action::Start, Id::Unit(name)) = (&step.action, &step.id) {
            let resource = Resource::Unit { name: name.clone(), configuration: None };
            self.entries.entry(step.id.clone()).or_insert(Entry { resource, before: None });
        }
    }

    /// Notes that `step` is done.
    pub fn end(&mut self, step: &Step) {
        if let Action::Remove(_) | Action::Restore(_) = &step.action {
            self.entries.remove(&step.id);
        }
    }

    /// Notes that every step of `plan` is done, and the health check passed. `desired` is what the
    /// plan leads to; none for one that removes the deployment.
    pub fn finish(&mut self, plan: &Plan, desired: Option<&Desired>) {
        let wanted = desired.map(Desired::ids).unwrap_or_default();
        let kept = |id: &Id| plan.kept.iter().any(|kept| kept.id == *id);
        self.entries.retain(|id, _| wanted.contains(id) || kept(id));
        self.applied = desired.cloned();
    }

    /// Whether nothing is left of the deployment on the machine.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.applied.is_none()
    }
}
