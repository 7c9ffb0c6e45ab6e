//! `revisions archive`: puts a revision away for good.

use deploy_spec::{DeploymentRecord, Fault, Lifecycle, Revision, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::moves::{MoveOutcome, archived, must_not_serve, name, wrong_state};
use crate::draft::Draft;
use crate::handle::{Handle, resolve_revision};
use crate::mechanism::Verb;
use crate::record::Record;

/// `revisions archive`.
pub struct Archive;

/// The answers of `revisions archive`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveAnswers {
    /// Whose revision; needed only where `revision_id` could be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
    /// Which revision.
    pub revision_id: Handle,
}

impl Verb for Archive {
    const NOUN: &'static str = "revisions";
    const OP: &'static str = "archive";
    type Answers = ArchiveAnswers;
    type Facts = ();
    type Outcome = MoveOutcome;

    fn rule(
        answers: &ArchiveAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<MoveOutcome, Fault> {
        let (record, revision) =
            resolve_revision(draft.view(), answers.deployment_id.as_ref(), &answers.revision_id)?;
        draft.target(revision.revision_id, Some(revision.generation))?;
        if revision.lifecycle == Lifecycle::Archived {
            return Ok(MoveOutcome::of(&revision));
        }
        must_not_serve(draft.view(), &record, &revision)?;
        must_have_no_tag(&record, &revision)?;
        must_have_drained(&revision, draft.now())?;
        let revision = archived(revision, draft.now())?;
        draft.becomes(revision.generation);
        let outcome = MoveOutcome::of(&revision);
        draft.put(Record::Revision(revision));
        Ok(outcome)
    }
}

/// Who put a name to a revision wants it kept.
fn must_have_no_tag(record: &DeploymentRecord, revision: &Revision) -> Result<(), Fault> {
    let mut tags = record.deployment.tags.iter();
    let Some((tag, _)) = tags.find(|(_, id)| **id == revision.revision_id) else { return Ok(()) };
    let of = revision.deployment_id;
    Err(Fault::refused(format!("revision r{} is called `{tag}`", revision.sequence))
        .hint(format!("gtc op revisions untag {tag} --deployment {of}")))
}

/// What drains has until its drain time is over; a drain whose beginning nobody noted is over.
fn must_have_drained(revision: &Revision, now: Timestamp) -> Result<(), Fault> {
    let (Lifecycle::Draining, Some(since)) = (revision.lifecycle, revision.draining_since) else {
        return Ok(());
    };
    let end = since.as_millisecond().saturating_add(i64::from(revision.drain_seconds) * 1000);
    if end <= now.as_millisecond() {
        return Ok(());
    }
    let until = Timestamp::from_millisecond(end).unwrap_or(Timestamp::MAX);
    let only = format!("it has until {until} to finish what is in flight");
    let hint = format!("ask again then: gtc op revisions archive {}", name(revision));
    Err(wrong_state(revision, &only, hint).detail("drains_until", until.to_string()))
}
