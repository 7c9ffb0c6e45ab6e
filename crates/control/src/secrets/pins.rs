//! Which version of a secret a revision is given, and which revisions hold on to an older one.

use deploy_spec::{
    BundleId, DeploymentId, EnvironmentId, Fault, Lifecycle, PinnedSecret, Revision, RevisionId,
    SecretRef, SecretVersion,
};
use serde::Serialize;

use crate::view::{Lookup as _, View};

/// The newest version of each of these secrets that has one: what a revision pins when its gate is
/// first green.
///
/// # Errors
/// As [`View::get`].
pub fn newest_pins(view: &dyn View, of: &[SecretRef]) -> Result<Vec<PinnedSecret>, Fault> {
    let mut pins = Vec::new();
    for secret in of.iter().filter(|secret| secret.is_of(view.environment_id())) {
        let found = view.secret(&secret.path())?;
        let Some(newest) = found.as_ref().and_then(deploy_spec::Secret::newest) else { continue };
        pins.push(PinnedSecret {
            secret: secret.clone(),
            version: newest.version,
            value_ref: newest.value_ref.clone(),
        });
    }
    Ok(pins)
}

/// The version that is pinned; none when it is gone.
///
/// # Errors
/// As [`View::get`].
pub fn pinned_version(view: &dyn View, pin: &PinnedSecret) -> Result<Option<SecretVersion>, Fault> {
    if !pin.secret.is_of(view.environment_id()) {
        return Ok(None);
    }
    Ok(view.secret(&pin.secret.path())?.and_then(|secret| secret.pinned(pin).cloned()))
}

/// What to type for a revision of the same bundle that pins what is newest then.
pub(crate) fn stage_again(at: &EnvironmentId, revision: &Revision) -> String {
    let (digest, deployment) = (&revision.bundle_digest, revision.deployment_id);
    format!("gtc op revisions stage {at} {digest} --deployment {deployment}")
}

/// How many revisions are named that are behind.
const SHOWN_MAX: usize = 10;

/// A revision that lives and is not given the newest version of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Behind {
    /// Whose revision.
    pub deployment_id: DeploymentId,
    /// The revision.
    pub revision_id: RevisionId,
    /// What `r1` means.
    pub sequence: u64,
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// The version that it is given; null when it pinned none.
    pub version: Option<u64>,
    /// What to type for a revision that is given the newest one.
    pub mend: String,
}

/// The revisions that are given another version of `secret` than `newest`: how many, and the newest
/// of them.
pub(super) fn behind(
    view: &dyn View,
    secret: &SecretRef,
    newest: u64,
) -> Result<(usize, Vec<Behind>), Fault> {
    let mut found: Vec<Behind> = readers(view, secret)?
        .iter()
        .filter(|revision| is_given(revision))
        .map(|revision| Behind {
            deployment_id: revision.deployment_id,
            revision_id: revision.revision_id,
            sequence: revision.sequence,
            lifecycle: revision.lifecycle,
            version: revision.pin_of(secret).map(|pin| pin.version),
            mend: stage_again(view.environment_id(), revision),
        })
        .filter(|behind| behind.version != Some(newest))
        .collect();
    let count = found.len();
    found.drain(..count.saturating_sub(SHOWN_MAX));
    Ok((count, found))
}

/// Whether a revision has, or will be given, what it pinned; one that is staged for the first time
/// pins later.
fn is_given(revision: &Revision) -> bool {
    match revision.lifecycle {
        Lifecycle::Ready | Lifecycle::Draining => true,
        Lifecycle::Staged | Lifecycle::Warming => revision.pinned.is_some(),
        Lifecycle::Inactive | Lifecycle::Failed | Lifecycle::Archived => false,
    }
}

/// What the revisions pin of `secret` that could ever be served again.
pub(super) fn held(view: &dyn View, secret: &SecretRef) -> Result<Vec<PinnedSecret>, Fault> {
    let kept = |revision: &Revision| revision.lifecycle != Lifecycle::Archived;
    let revisions = readers(view, secret)?.into_iter().filter(kept);
    Ok(revisions.filter_map(|revision| revision.pin_of(secret).cloned()).collect())
}

/// The revisions that read the secret, oldest first within their deployment. A bundle's secrets are
/// all below its own name, so only its deployments are looked at.
pub(super) fn readers(view: &dyn View, secret: &SecretRef) -> Result<Vec<Revision>, Fault> {
    let path = secret.path();
    let bundle = path.as_str().split('/').next().and_then(|first| first.parse::<BundleId>().ok());
    let Some(bundle) = bundle else { return Ok(Vec::new()) };
    let mut readers = Vec::new();
    for id in view.deployments_of(&bundle)? {
        let revisions = view.revisions(id)?.into_iter();
        readers.extend(revisions.filter(|revision| revision.secret_refs.contains(secret)));
    }
    Ok(readers)
}
