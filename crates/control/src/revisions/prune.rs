//! `revisions prune`: forgets archived revisions that are old enough and not among the newest, and
//! removed deployments of which nothing else is left.

use deploy_spec::{
    DeploymentId, DeploymentRecord, Digest, Fault, Lifecycle, Revision, RevisionId, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::handle::{Handle, resolve_kept};
use crate::mechanism::Verb;
use crate::record::Key;
use crate::view::{Lookup as _, View};

/// `revisions prune`.
pub struct Prune;

/// The answers of `revisions prune`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PruneAnswers {
    /// Whose revisions; those of every deployment when absent. A removed one is meant by its whole
    /// id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
    /// How many archived revisions of each deployment stay, the newest ones.
    #[serde(default = "keep")]
    pub keep: u32,
    /// For how many days at least a revision stays once it is archived, and a deployment once it
    /// is removed.
    #[serde(default = "older_than_days")]
    pub older_than_days: u32,
}

const fn keep() -> u32 {
    10
}

const fn older_than_days() -> u32 {
    30
}

/// One revision that went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PrunedRevision {
    /// Whose revision.
    pub deployment_id: DeploymentId,
    /// The revision.
    pub revision_id: RevisionId,
    /// What `r1` meant.
    pub sequence: u64,
    /// What its bundle was pinned to.
    pub bundle_digest: Digest,
}

/// The result of `revisions prune`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PruneOutcome {
    /// The revisions that went, oldest first within their deployment.
    pub revisions: Vec<PrunedRevision>,
    /// The removed deployments that went, with their past splits.
    pub deployments: Vec<DeploymentId>,
    /// The bundles that no kept revision of the touched deployments needs; another deployment may.
    pub unneeded_digests: Vec<Digest>,
    /// Whether something is left to prune: ask again.
    pub more: bool,
}

/// How many revisions and past splits one call forgets at most.
const MOST: usize = 200;

const DAY_MS: i64 = 24 * 3600 * 1000;

impl Verb for Prune {
    const NOUN: &'static str = "revisions";
    const OP: &'static str = "prune";
    type Answers = PruneAnswers;
    type Facts = ();
    type Outcome = PruneOutcome;

    fn rule(answers: &PruneAnswers, (): &(), draft: &mut Draft<'_>) -> Result<PruneOutcome, Fault> {
        let ids = subjects(answers, draft)?;
        let age = i64::from(answers.older_than_days).saturating_mul(DAY_MS);
        let mut sweep = Sweep {
            view: draft.view(),
            keep: usize::try_from(answers.keep).unwrap_or(usize::MAX),
            before_ms: draft.now().as_millisecond().saturating_sub(age),
            left: MOST,
            gone: Vec::new(),
            kept_digests: Vec::new(),
            outcome: PruneOutcome::default(),
        };
        for id in ids {
            sweep.deployment(id)?;
            if sweep.outcome.more {
                break;
            }
        }
        sweep.gone.drain(..).for_each(|key| draft.delete(key));
        Ok(sweep.told())
    }
}

/// The deployments to look at; the target is the one that was named, or the environment.
fn subjects(answers: &PruneAnswers, draft: &mut Draft<'_>) -> Result<Vec<DeploymentId>, Fault> {
    let view = draft.view();
    if let Some(handle) = &answers.deployment_id {
        let deployment = resolve_kept(view, Some(handle))?.deployment;
        draft.target(deployment.deployment_id, Some(deployment.generation))?;
        return Ok(vec![deployment.deployment_id]);
    }
    let environment = view.environment()?;
    draft.target(&environment.environment_id, Some(environment.generation))?;
    let mut ids = view.deployment_ids()?;
    ids.extend(view.retired_ids()?);
    Ok(ids)
}

struct Sweep<'a> {
    view: &'a dyn View,
    keep: usize,
    before_ms: i64,
    left: usize,
    gone: Vec<Key>,
    kept_digests: Vec<Digest>,
    outcome: PruneOutcome,
}

impl Sweep<'_> {
    fn deployment(&mut self, id: DeploymentId) -> Result<(), Fault> {
        let live = self.view.deployment(id)?;
        let Some(record) = live.map_or_else(|| self.view.retired(id), |live| Ok(Some(live)))?
        else {
            return Ok(());
        };
        let revisions = self.view.revisions(id)?;
        let mut going = self.going(&record, &revisions);
        if going.len() > self.left {
            self.outcome.more = true;
            going.truncate(self.left);
        }
        self.left -= going.len();
        let goes =
            |revision: &Revision| going.iter().any(|gone| gone.sequence == revision.sequence);
        if !going.is_empty() {
            let kept = revisions.iter().filter(|revision| !goes(revision));
            self.kept_digests.extend(kept.map(|revision| revision.bundle_digest.clone()));
        }
        for revision in &going {
            self.gone.push(Key::Revision(id, revision.revision_id));
            self.gone.push(Key::RevisionHome(revision.revision_id));
            self.outcome.revisions.push(PrunedRevision {
                deployment_id: id,
                revision_id: revision.revision_id,
                sequence: revision.sequence,
                bundle_digest: revision.bundle_digest.clone(),
            });
        }
        let retired_at = record.deployment.retired_at;
        if going.len() == revisions.len() && retired_at.is_some_and(|at| self.is_old(at)) {
            self.forget(&record)?;
        }
        Ok(())
    }

    /// The revisions that go, oldest first.
    fn going<'r>(&self, record: &DeploymentRecord, revisions: &'r [Revision]) -> Vec<&'r Revision> {
        let archived = revisions.iter().rev().filter(|r| r.lifecycle == Lifecycle::Archived);
        let old = |r: &&Revision| self.is_old(r.archived_at.unwrap_or(r.created_at));
        let mut going: Vec<&Revision> = archived.skip(self.keep).filter(old).collect();
        // The present split may name one without weight. A past split that names one cannot be
        // gone back to anyhow: what is archived stays so.
        let split = record.split.iter().flat_map(|split| &split.allocation);
        let named: Vec<RevisionId> =
            split.flat_map(|it| it.entries.entries()).map(|entry| entry.revision_id).collect();
        going.retain(|revision| !named.contains(&revision.revision_id));
        going.reverse();
        going
    }

    fn is_old(&self, at: Timestamp) -> bool {
        at.as_millisecond() <= self.before_ms
    }

    /// Forgets a removed deployment, its past splits first.
    fn forget(&mut self, record: &DeploymentRecord) -> Result<(), Fault> {
        let id = record.deployment.deployment_id;
        for generation in 0..record.split.as_ref().map_or(0, |split| split.generation) {
            if self.view.past_split(id, generation)?.is_none() {
                continue;
            }
            if self.left == 0 {
                self.outcome.more = true;
                return Ok(());
            }
            self.left -= 1;
            self.gone.push(Key::PastSplit(id, generation));
        }
        self.gone.push(Key::Retired(id));
        self.outcome.deployments.push(id);
        Ok(())
    }

    fn told(mut self) -> PruneOutcome {
        for revision in &self.outcome.revisions {
            let digest = &revision.bundle_digest;
            if !self.kept_digests.contains(digest)
                && !self.outcome.unneeded_digests.contains(digest)
            {
                self.outcome.unneeded_digests.push(digest.clone());
            }
        }
        self.outcome
    }
}
