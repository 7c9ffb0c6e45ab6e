//! `secrets delete`: forgets a secret and all its versions, unless something still reads it.

use deploy_spec::{CredentialsRef, Fault, Revision, SecretPath, SecretRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pins::readers;
use super::{no_secret, target};
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::record::{Key, Record};
use crate::view::{Lookup as _, View};

/// `secrets delete`.
pub struct Delete;

/// The answers of `secrets delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteAnswers {
    /// Its name within the environment.
    pub path: SecretPath,
    /// Whether it goes although something still reads it.
    #[serde(default)]
    pub force: bool,
}

/// The result of `secrets delete`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeleteOutcome {
    /// Its name within the environment.
    pub path: SecretPath,
    /// How documents refer to it.
    pub reference: SecretRef,
    /// What still reads it and was not asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub still_read_by: Vec<String>,
    /// The sealed values that nothing refers to any more, for the caller to erase.
    pub erase: Vec<String>,
}

impl Verb for Delete {
    const NOUN: &'static str = "secrets";
    const OP: &'static str = "delete";
    type Answers = DeleteAnswers;
    type Facts = ();
    type Outcome = DeleteOutcome;

    fn rule(
        answers: &DeleteAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<DeleteOutcome, Fault> {
        let (view, path) = (draft.view(), &answers.path);
        let mut environment = view.environment()?;
        let secret = view.secret(path)?.ok_or_else(|| no_secret(view, path))?;
        target(draft, path, Some(&secret))?;
        let reference = SecretRef::new(view.environment_id(), path);
        let mut readers = revisions_that_read(view, &reference)?;
        let are_credentials =
            environment.credentials_ref == Some(CredentialsRef::from(reference.clone()));
        if are_credentials {
            readers.push("the environment, as its deploy credentials".into());
        }
        if !readers.is_empty() && !answers.force {
            return Err(Fault::refused(format!("`{reference}` is read by {}", readers.join(", ")))
                .hint("take them out of service first, or add --force")
                .detail("read_by", readers));
        }
        if are_credentials {
            environment.credentials_ref = None;
            environment.generation += 1;
            draft.put(Record::Environment(environment));
        }
        draft.delete(Key::Secret(path.clone()));
        let erase = secret.versions.into_iter().map(|version| version.value_ref).collect();
        Ok(DeleteOutcome { path: path.clone(), reference, still_read_by: readers, erase })
    }
}

/// The revisions that serve, or are about to, and read the secret.
fn revisions_that_read(view: &dyn View, reference: &SecretRef) -> Result<Vec<String>, Fault> {
    let lives = |revision: &Revision| revision.lifecycle.lives();
    let name = |revision: Revision| {
        let (of, sequence, lifecycle) =
            (revision.deployment_id, revision.sequence, revision.lifecycle);
        format!("{of}/r{sequence} ({lifecycle})")
    };
    Ok(readers(view, reference)?.into_iter().filter(lives).map(name).collect())
}
