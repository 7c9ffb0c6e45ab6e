//! `secrets list`: which secrets there are; never values, nor where they are kept.

use deploy_spec::{Actor, Fault, SecretPath, SecretRef, Timestamp};
use serde::Serialize;

use crate::page::Page;
use crate::view::{Lookup as _, View};

/// One line of `secrets list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SecretSummary {
    /// Its name within the environment.
    pub path: SecretPath,
    /// How documents refer to it.
    pub reference: SecretRef,
    /// The newest version, which revisions pin from now on.
    pub version: u64,
    /// How many versions are kept.
    pub versions: usize,
    /// When the version was put.
    pub put_at: Timestamp,
    /// Who put it.
    pub put_by: Actor,
}

/// The result of `secrets list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SecretsShown {
    /// How many there are; this page may show fewer.
    pub secret_count: usize,
    /// The secrets of this page, by path.
    pub secrets: Vec<SecretSummary>,
    /// The secret behind which the next page begins; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_after: Option<SecretPath>,
}

/// A page of the secrets of an environment.
///
/// # Errors
/// `not-found` when there is no such environment; or when its records cannot be read.
pub fn list(view: &dyn View, page: &Page<SecretPath>) -> Result<SecretsShown, Fault> {
    view.environment()?;
    let mut secrets = Vec::new();
    let (paths, rest) = page.of(view.secret_paths()?);
    for path in paths {
        let Some(secret) = view.secret(&path)? else { continue };
        let versions = secret.versions.len();
        let Some(newest) = secret.versions.into_iter().next_back() else { continue };
        secrets.push(SecretSummary {
            reference: SecretRef::new(view.environment_id(), &path),
            path,
            version: newest.version,
            versions,
            put_at: newest.put_at,
            put_by: newest.put_by,
        });
    }
    Ok(SecretsShown { secret_count: rest.count, secrets, next_after: rest.next_after })
}
