//! `env destroy`: an environment that deploys nothing any more is gone. What was done there stays in
//! its audit log, which goes on when it is made anew.

use deploy_spec::{EnvironmentId, Fault};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::record::Key;
use crate::view::Lookup as _;

/// `env destroy`.
pub struct Destroy;

/// The answers of `env destroy`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DestroyAnswers {
    /// The environment's id once more, to show that it is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
}

/// The result of `env destroy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DestroyOutcome {
    /// The environment that is gone.
    pub environment_id: EnvironmentId,
    /// How many removed deployments stay for the record.
    pub retired_count: usize,
}

impl Verb for Destroy {
    const NOUN: &'static str = "env";
    const OP: &'static str = "destroy";
    type Answers = DestroyAnswers;
    type Facts = ();
    type Outcome = DestroyOutcome;

    fn rule(
        answers: &DestroyAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<DestroyOutcome, Fault> {
        let environment = draft.view().environment()?;
        let id = environment.environment_id;
        draft.target(&id, Some(environment.generation))?;
        if answers.confirm.as_deref() != Some(id.as_str()) {
            return Err(Fault::invalid(format!("destroying `{id}` has to be confirmed by its id"))
                .at("/confirm")
                .hint(format!("gtc op env destroy {id} --confirm {id}")));
        }
        let live = draft.view().deployment_ids()?;
        if let Some(first) = live.first() {
            return Err(Fault::refused(format!("`{id}` still has {} deployments", live.len()))
                .hint(format!("gtc op bundles remove {first}; `gtc op bundles list` shows all"))
                .detail("deployment_count", live.len()));
        }
        draft.delete(Key::Environment);
        Ok(DestroyOutcome { environment_id: id, retired_count: draft.view().retired_ids()?.len() })
    }
}
