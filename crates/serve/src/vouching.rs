//! Who vouches for what is taken in: the signature that came with it, the one that is kept beside
//! it, or on `local` this machine.

use bundle::sign::{Trust, sign, verify};
use deploy_spec::{Digest, Environment, Fault, Signature, document};
use store::EnvironmentStore;

use crate::ambient::now;
use crate::keys::own_signing_key;
use crate::staging::{Mode, SIGNATURES};

/// What is vouched for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// What it is called.
    pub(crate) name: &'a str,
    /// The digest of its bytes.
    pub(crate) digest: &'a Digest,
}

/// Which trusted key vouches for it, by the signatures that `came` with it or that are kept; none
/// where there is no signature at all; or why none does. On `local` this machine vouches itself.
pub(crate) fn vouch(
    store: &EnvironmentStore,
    environment: &Environment,
    subject: Subject<'_>,
    came: &[Vec<u8>],
    mode: Mode,
) -> Result<Result<Option<Signature>, Box<Fault>>, Fault> {
    let Subject { name, digest } = subject;
    let trust = Trust::of(environment, now());
    let objection = match envelope(store, environment, digest, came, mode)? {
        Some(envelope) => match verify(&envelope, digest, trust) {
            Ok(signed) => return Ok(Ok(Some(signed))),
            Err(objection) => Some(Box::new(objection)),
        },
        None => None,
    };
    if !environment.environment_id.is_local() {
        return Ok(objection.map_or(Ok(None), Err));
    }
    let key = own_signing_key(store)?;
    let envelope = document::to_line(&sign(&key, name, digest)?);
    // This machine's key may have been revoked, or be one of several that must sign.
    match verify(&envelope, digest, trust) {
        Ok(signed) => {
            if mode == Mode::TakeIn {
                store.put_beside(digest, SIGNATURES, &envelope)?;
            }
            Ok(Ok(Some(signed)))
        }
        Err(own) => Ok(Err(objection.unwrap_or_else(|| Box::new(own)))),
    }
}

/// The signatures to judge by, kept for the next time: the first that came and that the environment
/// trusts; or else what is kept already; or else the first that came, so that it can be said what is
/// wrong with it.
fn envelope(
    store: &EnvironmentStore,
    environment: &Environment,
    digest: &Digest,
    came: &[Vec<u8>],
    mode: Mode,
) -> Result<Option<Vec<u8>>, Fault> {
    let trust = Trust::of(environment, now());
    let mut found = came.iter().find(|envelope| verify(envelope, digest, trust).is_ok());
    if found.is_none() {
        let kept = store.get_beside(digest, SIGNATURES)?;
        if kept.is_some() {
            return Ok(kept);
        }
        found = came.first();
    }
    if let (Some(envelope), Mode::TakeIn) = (found, mode) {
        store.put_beside(digest, SIGNATURES, envelope)?;
    }
    Ok(found.cloned())
}
