//! `bundles remove`: puts a deployment away. Its names are free at once; its revisions and the history
//! of its traffic stay for the record until they are pruned.

use deploy_spec::{
    BundleId, DeploymentId, DeploymentLifecycle, DeploymentRecord, Fault, Lifecycle, RevisionId,
    Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::routes;
use crate::draft::Draft;
use crate::handle::{Handle, resolve_deployment};
use crate::mechanism::Verb;
use crate::record::{Key, Record};
use crate::view::Lookup as _;
use crate::{revisions, roster, traffic};

/// `bundles remove`.
pub struct Remove;

/// The answers of `bundles remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveAnswers {
    /// Which deployment.
    pub deployment_id: Handle,
}

/// The result of `bundles remove`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RemoveOutcome {
    /// The deployment.
    pub deployment_id: DeploymentId,
    /// Its bundle.
    pub bundle_id: BundleId,
    /// `retired`.
    pub lifecycle: DeploymentLifecycle,
    /// When.
    pub retired_at: Timestamp,
    /// The revisions that were archived with it, oldest first.
    pub archived: Vec<RevisionId>,
    /// The deployment's generation.
    pub generation: u64,
}

impl Verb for Remove {
    const NOUN: &'static str = "bundles";
    const OP: &'static str = "remove";
    type Answers = RemoveAnswers;
    type Facts = ();
    type Outcome = RemoveOutcome;

    fn rule(
        answers: &RemoveAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<RemoveOutcome, Fault> {
        let mut record = resolve_deployment(draft.view(), Some(&answers.deployment_id))?;
        let (id, now) = (record.deployment.deployment_id, draft.now());
        draft.target(id, Some(record.deployment.generation))?;
        must_not_serve(&record)?;
        let archived = archive_all(id, draft)?;
        traffic::take_off(draft, &mut record);
        let deployment = &mut record.deployment;
        routes::release(deployment.route_binding.claims(), draft);
        draft.delete(Key::BundleMember(deployment.bundle_id.clone(), id));
        draft.delete(Key::Deployment(id));
        roster::remove(id, draft)?;
        deployment.shadow = None;
        deployment.tags.clear();
        deployment.lifecycle = DeploymentLifecycle::Retired;
        deployment.retired_at = Some(now);
        deployment.generation += 1;
        draft.becomes(deployment.generation);
        let outcome = RemoveOutcome {
            deployment_id: id,
            bundle_id: deployment.bundle_id.clone(),
            lifecycle: deployment.lifecycle,
            retired_at: now,
            archived,
            generation: deployment.generation,
        };
        draft.put(Record::Retired(record));
        Ok(outcome)
    }
}

fn must_not_serve(record: &DeploymentRecord) -> Result<(), Fault> {
    let on_air = record.split.as_ref().is_some_and(|split| split.allocation.is_some());
    if record.deployment.lifecycle != DeploymentLifecycle::Active || !on_air {
        return Ok(());
    }
    let id = record.deployment.deployment_id;
    Err(Fault::refused(format!("deployment {id} serves"))
        .hint(format!("gtc op traffic clear --deployment {id}, or gtc op bundles pause {id}")))
}

fn archive_all(of: DeploymentId, draft: &mut Draft<'_>) -> Result<Vec<RevisionId>, Fault> {
    let mut archived = Vec::new();
    for revision in draft.view().revisions(of)? {
        if revision.lifecycle == Lifecycle::Archived {
            continue;
        }
        archived.push(revision.revision_id);
        let revision = revisions::archived(revision, draft.now())?;
        draft.put(Record::Revision(revision));
    }
    Ok(archived)
}
