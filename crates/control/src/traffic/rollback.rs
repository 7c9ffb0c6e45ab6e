//! `traffic rollback`: the split before, as a new generation; everybody goes back to where they
//! were. It can be repeated back to the first.

use deploy_spec::{Fault, SplitOp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SplitOutcome, must_be_ready, must_be_trusted, replace, target};
use crate::draft::Draft;
use crate::handle::{Handle, resolve_deployment};
use crate::mechanism::Verb;
use crate::view::Lookup as _;

/// `traffic rollback`.
pub struct Rollback;

/// The answers of `traffic rollback`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackAnswers {
    /// Whose split; the only deployment when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<Handle>,
}

impl Verb for Rollback {
    const NOUN: &'static str = "traffic";
    const OP: &'static str = "rollback";
    type Answers = RollbackAnswers;
    type Facts = ();
    type Outcome = SplitOutcome;

    fn rule(
        answers: &RollbackAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<SplitOutcome, Fault> {
        let record = resolve_deployment(draft.view(), answers.deployment_id.as_ref())?;
        target(draft, &record)?;
        let id = record.deployment.deployment_id;
        let nothing = || {
            Fault::refused(format!("there is no split before this one for deployment {id}"))
                .hint(format!("gtc op traffic history --deployment {id}"))
        };
        let generation =
            record.split.as_ref().and_then(|split| split.previous).ok_or_else(nothing)?;
        let past = draft.view().past_split(id, generation)?.ok_or_else(|| {
            Fault::internal(format!("generation {generation} of deployment {id}'s split is gone"))
        })?;
        let live = past.allocation.iter().flat_map(|allocation| allocation.entries.live());
        must_be_ready(draft.view(), id, live)?;
        let live = past.allocation.iter().flat_map(|allocation| allocation.entries.live());
        must_be_trusted(draft.view(), &record, live)?;
        replace(draft, record, SplitOp::Rollback, past.allocation, past.previous)
    }
}
