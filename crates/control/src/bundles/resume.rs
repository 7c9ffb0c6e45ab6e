//! `bundles resume`: a paused deployment serves again, as it did before.

use deploy_spec::{DeploymentLifecycle, Fault};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::add::DeploymentShown;
use super::pause::turn;
use crate::draft::Draft;
use crate::handle::Handle;
use crate::mechanism::Verb;

/// `bundles resume`.
pub struct Resume;

/// The answers of `bundles resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeAnswers {
    /// Which deployment.
    pub deployment_id: Handle,
}

impl Verb for Resume {
    const NOUN: &'static str = "bundles";
    const OP: &'static str = "resume";
    type Answers = ResumeAnswers;
    type Facts = ();
    type Outcome = DeploymentShown;

    fn rule(
        answers: &ResumeAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<DeploymentShown, Fault> {
        turn(&answers.deployment_id, DeploymentLifecycle::Active, draft)
    }
}
