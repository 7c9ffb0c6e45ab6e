//! `revisions tag`: gives a revision a name that people choose, or moves the name to it.

use deploy_spec::deployment::TAGS_MAX;
use deploy_spec::{DeploymentId, Fault, Lifecycle, RevisionId, RevisionTag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::moves::{name, wrong_state};
use crate::draft::Draft;
use crate::handle::{Handle, resolve_revision};
use crate::mechanism::Verb;
use crate::record::Record;

/// `revisions tag`.
pub struct Tag;

/// The answers of `revisions tag`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagAnswers {
    /// Whose revision; needed only where `revision_id` could be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
    /// Which revision.
    pub revision_id: Handle,
    /// The name.
    pub tag: RevisionTag,
}

/// The result of `revisions tag` and `revisions untag`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TagOutcome {
    /// Whose name.
    pub deployment_id: DeploymentId,
    /// The name.
    pub tag: RevisionTag,
    /// What it names now; null when nothing.
    pub revision_id: Option<RevisionId>,
    /// What it named before; null when nothing.
    pub before: Option<RevisionId>,
    /// Counts the changes of the deployment.
    pub generation: u64,
}

impl Verb for Tag {
    const NOUN: &'static str = "revisions";
    const OP: &'static str = "tag";
    type Answers = TagAnswers;
    type Facts = ();
    type Outcome = TagOutcome;

    fn rule(answers: &TagAnswers, (): &(), draft: &mut Draft<'_>) -> Result<TagOutcome, Fault> {
        let (mut record, revision) =
            resolve_revision(draft.view(), answers.deployment_id.as_ref(), &answers.revision_id)?;
        let deployment = &mut record.deployment;
        draft.target(deployment.deployment_id, Some(deployment.generation))?;
        if revision.lifecycle == Lifecycle::Archived {
            let hint = format!("gtc op revisions list --deployment {}", revision.deployment_id);
            return Err(wrong_state(&revision, "what was put away has no names", hint));
        }
        let tag = &answers.tag;
        let before = deployment.tags.insert(tag.clone(), revision.revision_id);
        if deployment.tags.len() > TAGS_MAX {
            let why = format!("{} has {TAGS_MAX} tags, and no more fit", deployment.bundle_id);
            let of = deployment.deployment_id;
            return Err(Fault::refused(why)
                .hint(format!("gtc op revisions untag TAG --deployment {of}"))
                .detail("revision", name(&revision)));
        }
        let is_new = before != Some(revision.revision_id);
        deployment.generation += u64::from(is_new);
        let outcome = TagOutcome {
            deployment_id: deployment.deployment_id,
            tag: tag.clone(),
            revision_id: Some(revision.revision_id),
            before,
            generation: deployment.generation,
        };
        if is_new {
            draft.becomes(outcome.generation);
            draft.put(Record::Deployment(record));
        }
        Ok(outcome)
    }
}
