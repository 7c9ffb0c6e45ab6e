//! `gtc op secrets`: what is known of secrets. Values live sealed in the env-pack of the secrets
//! slot and never pass through here; the caller seals first and brings what it was given for that.

mod delete;
mod find;
mod list;
mod pins;
mod put;
mod rotate;

pub use delete::{Delete, DeleteAnswers, DeleteOutcome};
pub use find::{find, missing_secrets};
pub use list::{SecretSummary, SecretsShown, list};
pub use pins::{Behind, newest_pins, pinned_version};
pub use put::{Put, PutAnswers};
pub use rotate::{Rotate, RotateAnswers};

use deploy_spec::secret::SecretSchema;
use deploy_spec::{
    Environment, Fault, PinnedSecret, SECRET_VERSIONS_KEPT, Secret, SecretPath, SecretRef,
    SecretVersion, Slot,
};
use serde::Serialize;

pub(crate) use pins::stage_again;

use self::pins::{behind, held};
use crate::draft::Draft;
use crate::record::Record;
use crate::view::{Lookup as _, View};

/// What the secrets slot answered when it was given a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedValue {
    /// Where it keeps the sealed value.
    pub value_ref: String,
    /// A keyed hash of the value: equal values have equal ones.
    pub fingerprint: String,
}

/// The result of every verb that puts a secret.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SecretOutcome {
    /// Its name within the environment.
    pub path: SecretPath,
    /// How documents refer to it.
    pub reference: SecretRef,
    /// The version that revisions pin from now on.
    pub version: u64,
    /// How many revisions live that are given another version.
    #[serde(skip_serializing_if = "is_zero")]
    pub behind_count: usize,
    /// The newest of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<Behind>,
    /// The sealed values that nothing refers to any more, for the caller to erase.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erase: Vec<String>,
}

/// What is to become of a value that the secret already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SameValue {
    /// Nothing changes.
    Stays,
    /// It is a new version all the same.
    Counts,
}

/// Names the target of a verb: the secret.
pub(crate) fn target(
    draft: &mut Draft<'_>,
    path: &SecretPath,
    found: Option<&Secret>,
) -> Result<(), Fault> {
    draft.target(path, found.map(|secret| secret.generation))
}

/// Where the deploy credentials of an environment are kept.
///
/// # Errors
/// Never: it is a path.
pub fn credentials_path() -> Result<SecretPath, Fault> {
    format!("credentials/{}", Slot::Deployer).parse().map_err(Fault::internal)
}

/// Credentials are checked before they are kept, so they come by their own verbs only.
fn no_credentials(path: &SecretPath) -> Result<(), Fault> {
    if *path != credentials_path()? {
        return Ok(());
    }
    let why = format!("`{path}` is where the environment's deploy credentials are kept");
    Err(Fault::refused(why).hint("gtc op credentials import").at("/path"))
}

/// The value that was sealed must be the one that was asked about.
pub(crate) fn same_value(asked: Option<&String>, sealed: &SealedValue) -> Result<(), Fault> {
    match asked {
        Some(asked) if *asked != sealed.fingerprint => {
            let why = "the value that was sealed does not have this fingerprint";
            Err(Fault::invalid(why).at("/fingerprint"))
        }
        _ => Ok(()),
    }
}

/// Values need an env-pack that keeps them.
fn slot_is_bound(environment: &Environment) -> Result<(), Fault> {
    if environment.binding(Slot::Secrets).is_some() {
        return Ok(());
    }
    let why = format!("nothing is bound to slot `{}`: no value can be kept", Slot::Secrets);
    Err(Fault::refused(why).hint(format!("gtc op env-packs add {}", Slot::Secrets)))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Makes `sealed` the newest version of the secret at `path`; the oldest ones beyond what is kept
/// go, unless a revision pins them. What was asked is not checked here.
pub(crate) fn keep(
    draft: &mut Draft<'_>,
    path: &SecretPath,
    found: Option<Secret>,
    sealed: &SealedValue,
    same: SameValue,
) -> Result<SecretOutcome, Fault> {
    slot_is_bound(&draft.view().environment()?)?;
    let reference = SecretRef::new(draft.view().environment_id(), path);
    let newest = found.as_ref().and_then(Secret::newest);
    let outcome = |view: &dyn View, version, erase| -> Result<SecretOutcome, Fault> {
        let (behind_count, behind) = behind(view, &reference, version)?;
        let (path, reference) = (path.clone(), reference.clone());
        Ok(SecretOutcome { path, reference, version, behind_count, behind, erase })
    };
    if let Some(newest) = newest
        && same == SameValue::Stays
        && newest.fingerprint == sealed.fingerprint
    {
        let is_needed = newest.value_ref == sealed.value_ref;
        let erase = if is_needed { Vec::new() } else { vec![sealed.value_ref.clone()] };
        return outcome(draft.view(), newest.version, erase);
    }
    let version = newest.map_or(1, |newest| newest.version + 1);
    let generation = found.as_ref().map_or(0, |secret| secret.generation + 1);
    let mut versions = found.map_or_else(Vec::new, |secret| secret.versions);
    versions.push(SecretVersion {
        version,
        value_ref: sealed.value_ref.clone(),
        fingerprint: sealed.fingerprint.clone(),
        put_at: draft.now(),
        put_by: draft.actor().clone(),
    });
    let (versions, gone) = kept_and_gone(versions, &held(draft.view(), &reference)?);
    let mut erase: Vec<String> = gone.into_iter().map(|version| version.value_ref).collect();
    erase.retain(|gone| versions.iter().all(|kept| kept.value_ref != *gone));
    draft.becomes(generation);
    let outcome = outcome(draft.view(), version, erase)?;
    draft.put(Record::Secret(Secret {
        schema: SecretSchema,
        path: path.clone(),
        versions,
        generation,
    }));
    Ok(outcome)
}

/// The newest versions and those that are pinned, and the others.
fn kept_and_gone(
    versions: Vec<SecretVersion>,
    held: &[PinnedSecret],
) -> (Vec<SecretVersion>, Vec<SecretVersion>) {
    let newest = versions.len().saturating_sub(SECRET_VERSIONS_KEPT);
    let is_held = |version: &SecretVersion| {
        held.iter().any(|pin| pin.version == version.version && pin.value_ref == version.value_ref)
    };
    let mut at = 0..;
    versions.into_iter().partition(|version| at.next() >= Some(newest) || is_held(version))
}

fn no_secret(view: &dyn View, path: &SecretPath) -> Fault {
    let reference = SecretRef::new(view.environment_id(), path);
    Fault::not_found(format!("there is no secret `{reference}`"))
        .hint(format!("gtc op secrets put {path}"))
}
