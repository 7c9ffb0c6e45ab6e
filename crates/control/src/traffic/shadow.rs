//! `traffic shadow`: has a ready revision answer some requests as well, only to be compared.

use std::collections::BTreeSet;

use deploy_spec::shadow::IGNORED_MAX;
use deploy_spec::{DeploymentId, Fault, HeaderName, Shadow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::set::{EntryAnswers, share};
use super::{must_be_ready, must_be_trusted};
use crate::draft::Draft;
use crate::handle::{Handle, resolve_deployment, resolve_revision};
use crate::mechanism::Verb;
use crate::record::Record;

/// `traffic shadow`.
pub struct CastShadow;

/// The answers of `traffic shadow`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShadowAnswers {
    /// Whose traffic; the only deployment when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
    /// Which revision answers as well, and what share of the requests that change nothing.
    pub entry: EntryAnswers,
    /// The headers of answers that are not compared, besides those that always differ.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(length(max = 32))]
    pub ignore_headers: BTreeSet<HeaderName>,
}

/// The result of `traffic shadow` and `traffic unshadow`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShadowOutcome {
    /// Whose traffic.
    pub deployment_id: DeploymentId,
    /// Who is compared; null when nobody.
    pub shadow: Option<Shadow>,
    /// Counts the changes of the deployment.
    pub generation: u64,
}

impl Verb for CastShadow {
    const NOUN: &'static str = "traffic";
    const OP: &'static str = "shadow";
    type Answers = ShadowAnswers;
    type Facts = ();
    type Outcome = ShadowOutcome;

    fn rule(
        answers: &ShadowAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<ShadowOutcome, Fault> {
        let record = resolve_deployment(draft.view(), answers.deployment_id.as_ref())?;
        let of = record.deployment.deployment_id;
        draft.target(of, Some(record.deployment.generation))?;
        let share_bps = share(&answers.entry)
            .map_err(|(field, why)| Fault::invalid(why).at(format!("/entry{field}")))?;
        if share_bps.get() == 0 {
            let why = "a shadow of no requests is none";
            let hint = format!("gtc op traffic unshadow --deployment {of}");
            return Err(Fault::invalid(why).at("/entry").hint(hint));
        }
        if answers.ignore_headers.len() > IGNORED_MAX {
            let why = format!("at most {IGNORED_MAX} headers are left out of a comparison");
            return Err(Fault::invalid(why).at("/ignore_headers"));
        }
        let (_, revision) =
            resolve_revision(draft.view(), Some(&of.into()), &answers.entry.revision_id)
                .map_err(|fault| fault.at("/entry/revision_id"))?;
        let id = revision.revision_id;
        must_be_ready(draft.view(), of, [id].into_iter())?;
        must_be_trusted(draft.view(), &record, [id].into_iter())?;
        let ignore_headers = answers.ignore_headers.clone();
        change(Some(Shadow { revision_id: id, share_bps, ignore_headers }), record, draft)
    }
}

/// Sets who is compared; nothing changes where it is so already.
pub(super) fn change(
    shadow: Option<Shadow>,
    mut record: deploy_spec::DeploymentRecord,
    draft: &mut Draft<'_>,
) -> Result<ShadowOutcome, Fault> {
    let deployment = &mut record.deployment;
    let deployment_id = deployment.deployment_id;
    if deployment.shadow == shadow {
        let generation = deployment.generation;
        return Ok(ShadowOutcome { deployment_id, shadow, generation });
    }
    deployment.shadow.clone_from(&shadow);
    deployment.generation += 1;
    let generation = deployment.generation;
    draft.becomes(generation);
    draft.put(Record::Deployment(record));
    Ok(ShadowOutcome { deployment_id, shadow, generation })
}
