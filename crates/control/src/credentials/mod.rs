//! `gtc op credentials`: what the deployer's env-pack signs in with. They are a secret like any
//! other, at `credentials/deployer`, that the environment points to and that is kept only once
//! every required check of them has passed.

mod bootstrap;
mod import;
mod rotate;
mod show;

pub use bootstrap::{Bootstrap, BootstrapAnswers, BootstrapFacts};
pub use import::{Import, ImportAnswers};
pub use rotate::{Rotate, RotateAnswers};
pub use show::{CredentialsShown, KeptCredentials, show};

use deploy_spec::{CheckStatus, CredentialsRef, EnvironmentId, Fault, Kind, Secret, SecretRef};
use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::problem::{Problem, none_of};
use crate::record::Record;
use crate::secrets::{SameValue, SealedValue, credentials_path, keep};
use crate::view::Lookup as _;

/// What one check of credentials said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialCheck {
    /// What the env-pack requires of them.
    pub requirement: String,
    /// Whether they are of no use without it.
    pub required: bool,
    /// What the check said.
    pub status: CheckStatus,
    /// Why, in one sentence.
    pub detail: String,
}

/// What must be known of credentials before they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialFacts {
    /// Where they are sealed; none when a check failed, because then they need not be.
    pub sealed: Option<SealedValue>,
    /// What the checks said.
    pub checks: Vec<CredentialCheck>,
}

/// The result of every verb that keeps credentials.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CredentialsOutcome {
    /// Whose credentials.
    pub environment_id: EnvironmentId,
    /// Where they are.
    pub reference: SecretRef,
    /// Their version.
    pub version: u64,
    /// A keyed hash of them.
    pub fingerprint: String,
    /// What the checks said.
    pub checks: Vec<CredentialCheck>,
    /// The sealed values that nothing refers to any more, for the caller to erase.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erase: Vec<String>,
}

/// Names the target of a verb, the credentials, and gives them if there are any.
fn target(draft: &mut Draft<'_>) -> Result<Option<Secret>, Fault> {
    draft.view().environment()?;
    let path = credentials_path()?;
    let found = draft.view().secret(&path)?;
    crate::secrets::target(draft, &path, found.as_ref())?;
    Ok(found)
}

fn none_yet(environment: &EnvironmentId) -> Fault {
    Fault::not_found(format!("environment `{environment}` has no deploy credentials"))
        .hint("gtc op credentials import")
}

/// Keeps credentials that passed, and points the environment to them.
fn accept(
    draft: &mut Draft<'_>,
    found: Option<Secret>,
    asked: Option<&String>,
    facts: &CredentialFacts,
    same: SameValue,
) -> Result<CredentialsOutcome, Fault> {
    all_passed(&facts.checks)?;
    let lost = || Fault::internal("credentials that passed every check were not sealed");
    let sealed = facts.sealed.as_ref().ok_or_else(lost)?;
    crate::secrets::same_value(asked, sealed)?;
    let mut environment = draft.view().environment()?;
    let path = credentials_path()?;
    let points_to = CredentialsRef::from(SecretRef::new(&environment.environment_id, &path));
    let is_known = environment.credentials_ref.as_ref() == Some(&points_to);
    let same = if is_known { same } else { SameValue::Counts };
    let kept = keep(draft, &path, found, sealed, same)?;
    let environment_id = environment.environment_id.clone();
    if !is_known {
        environment.credentials_ref = Some(points_to);
        environment.generation += 1;
        draft.put(Record::Environment(environment));
    }
    Ok(CredentialsOutcome {
        environment_id,
        reference: kept.reference,
        version: kept.version,
        fingerprint: sealed.fingerprint.clone(),
        checks: facts.checks.clone(),
        erase: kept.erase,
    })
}

/// What is required must have been checked and found to hold.
fn all_passed(checks: &[CredentialCheck]) -> Result<(), Fault> {
    let open = checks.iter().filter(|check| check.required && check.status != CheckStatus::Pass);
    let problems: Vec<Problem> = open
        .map(|check| Problem::new("", format!("{}: {}", check.requirement, check.detail)))
        .collect();
    none_of(Kind::Refused, "these credentials are not kept", &problems)
        .map_err(|fault| fault.hint("gtc op credentials requirements"))
}
