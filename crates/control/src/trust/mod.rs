//! `gtc op trust`: whose signatures an environment accepts, and which bundles no signature helps.

mod add;
mod list;
mod revoke;
mod threshold;

pub use add::{Add, AddAnswers};
pub use list::{TrustShown, TrustedKeyShown, list};
pub use revoke::{Revoke, RevokeAnswers};
pub use threshold::{Threshold, ThresholdAnswers};

use deploy_spec::{Digest, Environment, EnvironmentId, Fault, KeyState, Timestamp, TrustedKey};
use serde::Serialize;

use crate::draft::Draft;
use crate::record::Record;
use crate::view::Lookup as _;

/// The result of every verb that changes whom an environment trusts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrustOutcome {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The keys, in the order in which they came.
    pub keys: Vec<TrustedKey>,
    /// How many of them must have signed a bundle.
    pub threshold: u32,
    /// The bundles that no signature helps.
    pub revoked_bundles: Vec<Digest>,
    /// The environment's generation.
    pub generation: u64,
}

/// Changes the environment, unless nothing is different then.
fn change(
    draft: &mut Draft<'_>,
    change: impl FnOnce(&mut Environment, Timestamp) -> Result<(), Fault>,
) -> Result<TrustOutcome, Fault> {
    let before = draft.view().environment()?;
    draft.target(&before.environment_id, Some(before.generation))?;
    let mut after = before.clone();
    change(&mut after, draft.now())?;
    if after != before {
        enough(&after, draft.now())?;
        after.generation += 1;
        draft.becomes(after.generation);
        draft.put(Record::Environment(after.clone()));
    }
    Ok(TrustOutcome {
        environment_id: after.environment_id,
        keys: after.trust_root,
        threshold: after.trust_threshold,
        revoked_bundles: after.revoked_bundles,
        generation: after.generation,
    })
}

/// A threshold that the keys cannot reach would let nothing in any more.
fn enough(environment: &Environment, now: Timestamp) -> Result<(), Fault> {
    let counts =
        |key: &&TrustedKey| matches!(key.state(now), KeyState::Valid | KeyState::NotYetValid);
    let usable = environment.trust_root.iter().filter(counts).count();
    let wanted = usize::try_from(environment.trust_threshold).unwrap_or(usize::MAX);
    if wanted <= 1 || usable >= wanted {
        return Ok(());
    }
    let id = &environment.environment_id;
    Err(Fault::refused(format!(
        "{wanted} keys must sign a bundle of `{id}`, and {usable} would be left that can"
    ))
    .hint(format!("gtc op trust add {id} --key FILE, or gtc op trust threshold {id} {usable}")))
}
