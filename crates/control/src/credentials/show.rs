//! `credentials show`: which credentials an environment signs in with; never their value.

use deploy_spec::{Actor, CredentialsRef, EnvironmentId, Fault, Timestamp};
use serde::Serialize;

use crate::secrets::credentials_path;
use crate::view::{Lookup as _, View};

/// Credentials that are kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeptCredentials {
    /// Where they are.
    pub reference: CredentialsRef,
    /// Their version.
    pub version: u64,
    /// A keyed hash of them.
    pub fingerprint: String,
    /// When they were kept.
    pub put_at: Timestamp,
    /// Who brought them.
    pub put_by: Actor,
}

/// The result of `credentials show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CredentialsShown {
    /// Whose credentials.
    pub environment_id: EnvironmentId,
    /// The credentials; null when there are none.
    pub credentials: Option<KeptCredentials>,
}

/// The credentials of an environment.
///
/// # Errors
/// `not-found` when there is no such environment; or when its records cannot be read.
pub fn show(view: &dyn View) -> Result<CredentialsShown, Fault> {
    let environment = view.environment()?;
    let secret = view.secret(&credentials_path()?)?;
    let newest = secret.and_then(|secret| secret.versions.into_iter().next_back());
    let kept = environment.credentials_ref.zip(newest).map(|(reference, newest)| KeptCredentials {
        reference,
        version: newest.version,
        fingerprint: newest.fingerprint,
        put_at: newest.put_at,
        put_by: newest.put_by,
    });
    Ok(CredentialsShown { environment_id: environment.environment_id, credentials: kept })
}
