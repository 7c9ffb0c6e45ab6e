//! Where the value of a secret is, and which secrets there are not: for those who hand values to
//! what was granted them.

use deploy_spec::{Fault, SecretPath, SecretRef, SecretVersion};

use super::no_secret;
use crate::view::{Lookup as _, View};

/// The version of a secret that is read now.
///
/// # Errors
/// `not-found` when there is no such secret or environment; otherwise as [`View::get`].
pub fn find(view: &dyn View, path: &SecretPath) -> Result<SecretVersion, Fault> {
    view.environment()?;
    let secret = view.secret(path)?.ok_or_else(|| no_secret(view, path))?;
    secret.newest().cloned().ok_or_else(|| no_secret(view, path))
}

/// Those of `needs` that there are not, in their order. A secret of another environment is not
/// here either.
///
/// # Errors
/// As [`View::get`].
pub fn missing_secrets(view: &dyn View, needs: &[SecretRef]) -> Result<Vec<SecretRef>, Fault> {
    let mut missing = Vec::new();
    for need in needs {
        let is_here = need.is_of(view.environment_id()) && view.secret(&need.path())?.is_some();
        if !is_here {
            missing.push(need.clone());
        }
    }
    Ok(missing)
}
