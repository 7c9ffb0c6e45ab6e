//! `traffic set`: turns the dial. The fewest sessions move (DESIGN §8).

use deploy_spec::{Allocation, Bps, DeploymentRecord, Fault, SplitOp, Weight, Weights};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SplitOutcome, must_be_ready, must_be_trusted, replace, target, undo_point};
use crate::draft::Draft;
use crate::handle::{Handle, resolve_deployment, resolve_revision};
use crate::mechanism::Verb;
use crate::view::Lookup as _;

/// `traffic set`.
pub struct Set;

/// The answers of `traffic set`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAnswers {
    /// Whose split; the only deployment when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
    /// Who serves how much; together exactly everything.
    #[schemars(length(min = 1, max = 64))]
    pub entries: Vec<EntryAnswers>,
}

/// One revision's share: give it in percent or in basis points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryAnswers {
    /// Which revision.
    pub revision_id: Handle,
    /// Its share in percent, with at most two decimals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub weight_percent: Option<f64>,
    /// Its share in basis points (1/100 of a percent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10_000))]
    pub weight_bps: Option<u16>,
}

impl Verb for Set {
    const NOUN: &'static str = "traffic";
    const OP: &'static str = "set";
    type Answers = SetAnswers;
    type Facts = ();
    type Outcome = SplitOutcome;

    fn rule(answers: &SetAnswers, (): &(), draft: &mut Draft<'_>) -> Result<SplitOutcome, Fault> {
        let record = resolve_deployment(draft.view(), answers.deployment_id.as_ref())?;
        target(draft, &record)?;
        let weights = weights(answers, &record, draft)?;
        must_be_ready(draft.view(), record.deployment.deployment_id, weights.live())?;
        must_be_trusted(draft.view(), &record, weights.live())?;
        let allocation = allocate(&record, weights, draft)?;
        let previous = undo_point(record.split.as_ref());
        replace(draft, record, SplitOp::Set, Some(allocation), previous)
    }
}

fn weights(
    answers: &SetAnswers,
    record: &DeploymentRecord,
    draft: &Draft<'_>,
) -> Result<Weights, Fault> {
    let whose: Handle = record.deployment.deployment_id.into();
    let mut entries = Vec::new();
    for (i, entry) in answers.entries.iter().enumerate() {
        let weight_bps = share(entry)
            .map_err(|(field, why)| Fault::invalid(why).at(format!("/entries/{i}{field}")))?;
        let (_, revision) = resolve_revision(draft.view(), Some(&whose), &entry.revision_id)
            .map_err(|fault| fault.at(format!("/entries/{i}/revision_id")))?;
        entries.push(Weight { revision_id: revision.revision_id, weight_bps });
    }
    Weights::new(entries)
}

/// The share of one entry; or the field that is wrong, and why.
pub(super) fn share(entry: &EntryAnswers) -> Result<Bps, (&'static str, String)> {
    match (entry.weight_percent, entry.weight_bps) {
        (Some(percent), None) => Bps::from_percent(percent).map_err(|why| ("/weight_percent", why)),
        (None, Some(bps)) => Bps::new(bps).map_err(|why| ("/weight_bps", why)),
        _ => Err(("", "give weight_percent or weight_bps, one of the two".into())),
    }
}

fn allocate(
    record: &DeploymentRecord,
    weights: Weights,
    draft: &Draft<'_>,
) -> Result<Allocation, Fault> {
    let Some(split) = &record.split else {
        return Ok(Allocation::first(weights, 0, draft.salt()));
    };
    let next = split.generation + 1;
    let Some(current) = &split.allocation else {
        return Ok(Allocation::first(weights, next, draft.salt()));
    };
    let before = match split.generation.checked_sub(1) {
        Some(generation) => draft.view().past_split(split.deployment_id, generation)?,
        None => None,
    };
    let before = before.and_then(|past| past.allocation);
    Ok(current.changed(weights, next, before.as_ref(), draft.salt()))
}
