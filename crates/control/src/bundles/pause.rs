//! `bundles pause`: a deployment answers 503 and keeps everything it has.

use deploy_spec::{DeploymentLifecycle, Fault};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::add::DeploymentShown;
use crate::draft::Draft;
use crate::handle::{Handle, resolve_deployment};
use crate::mechanism::Verb;
use crate::record::Record;

/// `bundles pause`.
pub struct Pause;

/// The answers of `bundles pause`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseAnswers {
    /// Which deployment.
    pub deployment_id: Handle,
}

impl Verb for Pause {
    const NOUN: &'static str = "bundles";
    const OP: &'static str = "pause";
    type Answers = PauseAnswers;
    type Facts = ();
    type Outcome = DeploymentShown;

    fn rule(
        answers: &PauseAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<DeploymentShown, Fault> {
        turn(&answers.deployment_id, DeploymentLifecycle::Paused, draft)
    }
}

/// Sets whether a deployment serves; one that is so already does not change.
pub(super) fn turn(
    handle: &Handle,
    lifecycle: DeploymentLifecycle,
    draft: &mut Draft<'_>,
) -> Result<DeploymentShown, Fault> {
    let mut record = resolve_deployment(draft.view(), Some(handle))?;
    let deployment = &mut record.deployment;
    draft.target(deployment.deployment_id, Some(deployment.generation))?;
    if deployment.lifecycle == lifecycle {
        return Ok(record.deployment.into());
    }
    deployment.lifecycle = lifecycle;
    deployment.generation += 1;
    draft.becomes(deployment.generation);
    let shown = deployment.clone().into();
    draft.put(Record::Deployment(record));
    Ok(shown)
}
