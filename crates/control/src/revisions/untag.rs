//! `revisions untag`: takes a name from a revision; the revision stays as it is.

use deploy_spec::{Fault, RevisionTag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tag::TagOutcome;
use crate::draft::Draft;
use crate::handle::{Handle, resolve_deployment};
use crate::mechanism::Verb;
use crate::record::Record;

/// `revisions untag`.
pub struct Untag;

/// The answers of `revisions untag`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UntagAnswers {
    /// Whose name; the only deployment when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
    /// The name.
    pub tag: RevisionTag,
}

impl Verb for Untag {
    const NOUN: &'static str = "revisions";
    const OP: &'static str = "untag";
    type Answers = UntagAnswers;
    type Facts = ();
    type Outcome = TagOutcome;

    fn rule(answers: &UntagAnswers, (): &(), draft: &mut Draft<'_>) -> Result<TagOutcome, Fault> {
        let mut record = resolve_deployment(draft.view(), answers.deployment_id.as_ref())?;
        let deployment = &mut record.deployment;
        draft.target(deployment.deployment_id, Some(deployment.generation))?;
        let Some(before) = deployment.tags.remove(&answers.tag) else {
            let of = deployment.deployment_id;
            let why =
                format!("no revision of {} is called `{}`", deployment.bundle_id, answers.tag);
            return Err(
                Fault::not_found(why).hint(format!("gtc op revisions list --deployment {of}"))
            );
        };
        deployment.generation += 1;
        draft.becomes(deployment.generation);
        let outcome = TagOutcome {
            deployment_id: deployment.deployment_id,
            tag: answers.tag.clone(),
            revision_id: None,
            before: Some(before),
            generation: deployment.generation,
        };
        draft.put(Record::Deployment(record));
        Ok(outcome)
    }
}
