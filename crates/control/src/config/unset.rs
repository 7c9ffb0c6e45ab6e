//! `config unset`: takes values away, so that the layer below shows again.

use deploy_spec::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ConfigFacts, ConfigOutcome, Declared, Holder, name_problem, result, wrong};
use crate::draft::Draft;
use crate::handle::Handle;
use crate::mechanism::Verb;
use crate::problem::Problem;
use crate::view::View;

/// `config unset`.
pub struct Unset;

/// The answers of `config unset`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnsetAnswers {
    /// Whose values; the environment's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
    /// The names; one that has no value here stays without.
    #[schemars(length(min = 1))]
    pub names: Vec<String>,
}

/// The values that `answers` would make effective, for checking them against the bundle's schema.
///
/// # Errors
/// As [`crate::resolve_deployment`].
pub fn unset_result(
    view: &dyn View,
    answers: &UnsetAnswers,
    declared: Option<&Declared>,
) -> Result<Map<String, Value>, Fault> {
    let change = |values: &mut Map<String, Value>| {
        values.retain(|name, _| !answers.names.contains(name));
    };
    result(view, answers.deployment_id.as_ref(), declared, change)
}

impl Verb for Unset {
    const NOUN: &'static str = "config";
    const OP: &'static str = "unset";
    type Answers = UnsetAnswers;
    type Facts = ConfigFacts;
    type Outcome = ConfigOutcome;

    fn rule(
        answers: &UnsetAnswers,
        facts: &ConfigFacts,
        draft: &mut Draft<'_>,
    ) -> Result<ConfigOutcome, Fault> {
        let mut holder = Holder::find(draft.view(), answers.deployment_id.as_ref())?;
        holder.target(draft)?;
        if answers.names.is_empty() {
            return Err(Fault::invalid("there is nothing to unset").at("/names"));
        }
        let at = |(i, name): (usize, &String)| {
            Some(Problem::new(format!("/names/{i}"), name_problem(name)?))
        };
        let mut problems: Vec<Problem> = answers.names.iter().enumerate().filter_map(at).collect();
        problems.extend(facts.problems.iter().cloned());
        wrong(&problems)?;
        let values = holder.values();
        let mut changed = answers.names.clone();
        changed.retain(|name| values.contains_key(name));
        changed.sort_unstable();
        changed.dedup();
        values.retain(|name, _| !changed.contains(name));
        Ok(holder.commit(changed, draft))
    }
}
