//! `trust threshold`: how many keys must have signed a bundle.

use deploy_spec::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{TrustOutcome, change};
use crate::draft::Draft;
use crate::mechanism::Verb;

/// `trust threshold`.
pub struct Threshold;

/// The answers of `trust threshold`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThresholdAnswers {
    /// How many of the trusted keys must have signed a bundle.
    #[schemars(range(min = 1, max = 16))]
    pub threshold: u32,
}

impl Verb for Threshold {
    const NOUN: &'static str = "trust";
    const OP: &'static str = "threshold";
    type Answers = ThresholdAnswers;
    type Facts = ();
    type Outcome = TrustOutcome;

    fn rule(
        answers: &ThresholdAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<TrustOutcome, Fault> {
        if !(1..=16).contains(&answers.threshold) {
            return Err(Fault::invalid("from 1 to 16 keys must sign").at("/threshold"));
        }
        change(draft, |environment, _| {
            environment.trust_threshold = answers.threshold;
            Ok(())
        })
    }
}
