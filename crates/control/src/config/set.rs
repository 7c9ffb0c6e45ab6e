//! `config set`: gives names a value, for a deployment or for the whole environment.

use deploy_spec::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ConfigFacts, ConfigOutcome, Declared, Holder, problems_of, result, wrong};
use crate::draft::Draft;
use crate::handle::Handle;
use crate::mechanism::Verb;
use crate::view::View;

/// `config set`.
pub struct Set;

/// The answers of `config set`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAnswers {
    /// Whose values; the environment's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
    /// The values by name, never a secret: a name has 1 to 128 of `A-Za-z0-9_.-`, a value at most
    /// 64 KiB of JSON. Names that are absent keep their values.
    #[schemars(extend("minProperties" = 1))]
    pub values: Map<String, Value>,
}

/// The values that `answers` would make effective, for checking them against the bundle's schema.
///
/// # Errors
/// As [`crate::resolve_deployment`].
pub fn set_result(
    view: &dyn View,
    answers: &SetAnswers,
    declared: Option<&Declared>,
) -> Result<Map<String, Value>, Fault> {
    let change = |values: &mut Map<String, Value>| values.extend(answers.values.clone());
    result(view, answers.deployment_id.as_ref(), declared, change)
}

impl Verb for Set {
    const NOUN: &'static str = "config";
    const OP: &'static str = "set";
    type Answers = SetAnswers;
    type Facts = ConfigFacts;
    type Outcome = ConfigOutcome;

    fn rule(
        answers: &SetAnswers,
        facts: &ConfigFacts,
        draft: &mut Draft<'_>,
    ) -> Result<ConfigOutcome, Fault> {
        let mut holder = Holder::find(draft.view(), answers.deployment_id.as_ref())?;
        holder.target(draft)?;
        if answers.values.is_empty() {
            return Err(Fault::invalid("there is nothing to set").at("/values"));
        }
        let mut problems = problems_of(&answers.values, "/values");
        problems.extend(facts.problems.iter().cloned());
        wrong(&problems)?;
        let values = holder.values();
        let is_new = |(name, value): &(&String, &Value)| values.get(*name) != Some(*value);
        let mut changed: Vec<String> =
            answers.values.iter().filter(is_new).map(|(name, _)| name.clone()).collect();
        changed.sort_unstable();
        values.extend(answers.values.clone());
        Ok(holder.commit(changed, draft))
    }
}
