//! `trust list`: whose signatures count now.

use deploy_spec::{Digest, EnvironmentId, Fault, KeyState, Timestamp, TrustedKey};
use serde::Serialize;

use crate::view::{Lookup as _, View};

/// A key, and whether its signatures count now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrustedKeyShown {
    /// The key.
    #[serde(flatten)]
    pub key: TrustedKey,
    /// Whether its signatures count.
    pub state: KeyState,
}

/// The result of `trust list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrustShown {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// How many keys must have signed a bundle.
    pub threshold: u32,
    /// The keys, in the order in which they came.
    pub keys: Vec<TrustedKeyShown>,
    /// The bundles that no signature helps.
    pub revoked_bundles: Vec<Digest>,
}

/// Whom an environment trusts at `now`.
///
/// # Errors
/// `not-found` when there is no such environment.
pub fn list(view: &dyn View, now: Timestamp) -> Result<TrustShown, Fault> {
    let environment = view.environment()?;
    let shown = |key: TrustedKey| TrustedKeyShown { state: key.state(now), key };
    Ok(TrustShown {
        environment_id: environment.environment_id,
        threshold: environment.trust_threshold,
        keys: environment.trust_root.into_iter().map(shown).collect(),
        revoked_bundles: environment.revoked_bundles,
    })
}
