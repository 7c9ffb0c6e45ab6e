//! `gtc op config`: non-secret values, in layers. The bundle's defaults come first, the
//! environment's values over them, a deployment's own over those; a value replaces the whole value
//! of its name below it.
//!
//! A revision pins its values when it is staged, so nothing here changes what already runs.

mod set;
mod show;
mod unset;

pub use set::{Set, SetAnswers, set_result};
pub use show::{ConfigShown, Declared, LowerValue, Origin, ValueShown, effective, show};
pub use unset::{Unset, UnsetAnswers, unset_result};

use deploy_spec::{DeploymentId, DeploymentRecord, Environment, Fault, Kind, document};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::draft::Draft;
use crate::handle::{Handle, resolve_deployment};
use crate::problem::{Problem, none_of, token};
use crate::record::Record;
use crate::view::{Lookup as _, View};

/// What the bundle's schema says of the values that would result.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConfigFacts {
    /// All that is wrong; nothing when no bundle is concerned.
    pub problems: Vec<Problem>,
}

/// When a change of values is felt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TakesEffect {
    /// The next revision that is staged has them; no other.
    NextStage,
}

/// The result of every verb that changes values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConfigOutcome {
    /// Whose values; null for the environment's.
    pub deployment_id: Option<DeploymentId>,
    /// The names whose values changed, in order.
    pub changed: Vec<String>,
    /// The generation of the deployment, or of the environment.
    pub generation: u64,
    /// When it is felt.
    pub takes_effect: TakesEffect,
}

/// The longest name, in bytes.
const NAME_MAX: usize = 128;
/// The longest value, in bytes of its compact JSON.
const VALUE_BYTES_MAX: usize = 64 * 1024;

/// All that is wrong with the names and sizes of `values`, which stand at `pointer`.
fn problems_of(values: &Map<String, Value>, pointer: &str) -> Vec<Problem> {
    let wrong = |(name, value): (&String, &Value)| {
        let at = format!("{pointer}/{}", token(name));
        let size = document::to_line(value).len();
        match name_problem(name) {
            Some(why) => Some(Problem::new(at, why)),
            None if size > VALUE_BYTES_MAX => {
                let why = format!("a value has at most {VALUE_BYTES_MAX} bytes, this has {size}");
                Some(Problem::new(at, why))
            }
            None => None,
        }
    };
    let mut problems: Vec<Problem> = values.iter().filter_map(wrong).collect();
    problems.sort_unstable_by(|a, b| a.pointer.cmp(&b.pointer));
    problems
}

fn name_problem(name: &str) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    let is_name = (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(plain);
    (!is_name).then(|| {
        let shown = document::shown(name);
        format!("{shown} is not a name: 1 to {NAME_MAX} of A-Z, a-z, 0-9, `_`, `.` and `-`")
    })
}

/// The proof that values which stand at `pointer` of an answers document may be kept.
pub(crate) fn check(values: &Map<String, Value>, pointer: &str) -> Result<(), Fault> {
    wrong(&problems_of(values, pointer))
}

fn wrong(problems: &[Problem]) -> Result<(), Fault> {
    none_of(Kind::InvalidInput, "the values cannot be kept", problems)
}

/// Whose values change.
#[expect(clippy::large_enum_variant, reason = "one, short-lived")]
enum Holder {
    Environment(Environment),
    Deployment(DeploymentRecord),
}

impl Holder {
    fn find(view: &dyn View, deployment: Option<&Handle>) -> Result<Self, Fault> {
        match deployment {
            None => Ok(Self::Environment(view.environment()?)),
            Some(_) => Ok(Self::Deployment(resolve_deployment(view, deployment)?)),
        }
    }

    fn target(&self, draft: &mut Draft<'_>) -> Result<(), Fault> {
        match self {
            Self::Environment(environment) => {
                draft.target(&environment.environment_id, Some(environment.generation))
            }
            Self::Deployment(record) => {
                let deployment = &record.deployment;
                draft.target(deployment.deployment_id, Some(deployment.generation))
            }
        }
    }

    const fn values(&mut self) -> &mut Map<String, Value> {
        match self {
            Self::Environment(environment) => &mut environment.config,
            Self::Deployment(record) => &mut record.deployment.config_overrides,
        }
    }

    /// Puts the values back, if any changed.
    fn commit(mut self, changed: Vec<String>, draft: &mut Draft<'_>) -> ConfigOutcome {
        let step = u64::from(!changed.is_empty());
        let (deployment_id, generation) = match &mut self {
            Self::Environment(environment) => {
                environment.generation += step;
                (None, environment.generation)
            }
            Self::Deployment(DeploymentRecord { deployment, .. }) => {
                deployment.generation += step;
                (Some(deployment.deployment_id), deployment.generation)
            }
        };
        if !changed.is_empty() {
            draft.becomes(generation);
            draft.put(match self {
                Self::Environment(environment) => Record::Environment(environment),
                Self::Deployment(record) => Record::Deployment(record),
            });
        }
        let takes_effect = TakesEffect::NextStage;
        ConfigOutcome { deployment_id, changed, generation, takes_effect }
    }
}

/// What a change of the values of `deployment`, or of the environment, would make effective.
fn result(
    view: &dyn View,
    deployment: Option<&Handle>,
    declared: Option<&Declared>,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Result<Map<String, Value>, Fault> {
    let mut holder = Holder::find(view, deployment)?;
    change(holder.values());
    match holder {
        Holder::Environment(environment) => Ok(effective(declared, &environment.config, None)),
        Holder::Deployment(record) => {
            let own = &record.deployment.config_overrides;
            Ok(effective(declared, &view.environment()?.config, Some(own)))
        }
    }
}
