//! The tools of all that an environment is bound to: what `gtc op env tool-check` answers.

use deploy_spec::{CheckStatus, Descriptor, EnvPackBinding, Slot};
use serde::Serialize;

use super::{Machine, Outcome, check_tools};
use crate::Registry;

/// What was checked for one binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BindingTools {
    /// The slot.
    pub slot: Slot,
    /// The env-pack in it.
    pub kind: Descriptor,
    /// A row for each check; none when the env-pack needs no tool.
    pub outcomes: Vec<Outcome>,
}

/// What was checked for an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolReport {
    /// How many checks there were, those that were skipped included.
    pub total_checks: usize,
    /// How many of them failed.
    pub failed_checks: usize,
    /// The checks, in the order of the bindings.
    pub per_binding: Vec<BindingTools>,
}

impl ToolReport {
    /// Holds the machine against what the env-packs of `bindings` need. One that `registry` does
    /// not know in its version needs nothing that anybody knows of; that it is not known is for
    /// the doctor to say.
    #[must_use]
    pub fn make(registry: &Registry, bindings: &[EnvPackBinding], machine: &Machine<'_>) -> Self {
        let check = |binding: &EnvPackBinding| {
            let handler = registry.resolve(&binding.kind).ok();
            let outcomes = handler.map(|handler| check_tools(&handler.tools, machine));
            BindingTools {
                slot: binding.slot,
                kind: binding.kind.clone(),
                outcomes: outcomes.unwrap_or_default(),
            }
        };
        let per_binding: Vec<BindingTools> = bindings.iter().map(check).collect();
        let all = || per_binding.iter().flat_map(|binding| &binding.outcomes);
        Self {
            total_checks: all().count(),
            failed_checks: all().filter(|row| row.status == CheckStatus::Fail).count(),
            per_binding,
        }
    }
}
