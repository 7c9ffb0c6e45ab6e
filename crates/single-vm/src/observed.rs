//! What the machine has, as far as anybody asked.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::desired::Desired;
use crate::id::Id;
use crate::recorded::Recorded;
use crate::resource::Actual;

/// What the machine has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// What is there; what is not there is not here. A link is not followed.
    pub resources: BTreeMap<Id, Actual>,
    /// Whether systemd has read another text of a unit than stands in its file: `NeedDaemonReload`
    /// of any of the units.
    pub needs_reload: bool,
}

/// What a reader of the machine must look at, so that a plan can be made.
#[must_use]
pub fn to_observe(desired: Option<&Desired>, recorded: &Recorded) -> BTreeSet<Id> {
    let wanted = desired.map(Desired::ids).unwrap_or_default();
    wanted.into_iter().chain(recorded.entries.keys().cloned()).collect()
}
