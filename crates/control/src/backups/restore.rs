//! `backups restore`: an environment's records become those of a backup, all in one commit. What
//! was made since goes, but no generation goes back, so that nobody who saw the state in between
//! can win a compare-and-swap by it. Remembered answers and known backups stay, and nothing is
//! erased from the secrets slot, so that a newer backup can be restored after an older one.

use std::collections::BTreeSet;

use deploy_spec::{Backup, BackupId, Digest, Environment, EnvironmentId, Fault, Kind, SecretRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{consistency::contradictions, forward::forward, travel};
use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::problem::{Problem, none_of};
use crate::record::{Key, Record};
use crate::view::{Lookup as _, View};

/// `backups restore`.
pub struct Restore;

/// The answers of `backups restore`: the backup by id or by file, one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreAnswers {
    /// A backup that `backups list` shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_id: Option<BackupId>,
    /// The file of a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub file: Option<String>,
    /// Whose backup it is, when it is put into another environment, which must not exist yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_environment: Option<EnvironmentId>,
}

/// What the backup's file holds. Its integrity has been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoreFacts {
    /// Whose records it holds.
    pub source_environment: EnvironmentId,
    /// The digest of the file's bytes.
    pub digest: Digest,
    /// The records.
    pub records: Vec<Record>,
    /// The bundles that its revisions need, and the env-packs that its bindings are pinned to, that
    /// the environment does not hold.
    pub missing_artifacts: Vec<Digest>,
    /// Of the `value_ref`s of its secrets, those that the secrets slot does not hold any more.
    pub missing_values: Vec<String>,
}

/// The result of `backups restore`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestoreOutcome {
    /// The environment that was restored.
    pub environment_id: EnvironmentId,
    /// Whose backup it was.
    pub source_environment: EnvironmentId,
    /// The digest of the backup's file.
    pub digest: Digest,
    /// How many records were put; those that were as in the backup are not counted.
    pub restored: usize,
    /// How many records went that the backup does not hold.
    pub deleted: usize,
    /// The secrets of the backup that have no value here: put them again.
    pub missing_secrets: Vec<SecretRef>,
    /// The environment's generation.
    pub generation: u64,
}

impl Verb for Restore {
    const NOUN: &'static str = "backups";
    const OP: &'static str = "restore";
    type Answers = RestoreAnswers;
    type Facts = RestoreFacts;
    type Outcome = RestoreOutcome;

    fn rule(
        answers: &RestoreAnswers,
        facts: &RestoreFacts,
        draft: &mut Draft<'_>,
    ) -> Result<RestoreOutcome, Fault> {
        let view = draft.view();
        let now = view.find_environment()?;
        let here = view.environment_id().clone();
        draft.target(&here, now.as_ref().map(|environment| environment.generation))?;
        is_the_one(answers, facts, known(answers, view)?.as_ref(), now.as_ref(), &here)?;
        is_whole(facts)?;
        let (records, missing_secrets) = travel::bring(facts, &here)?;
        let kept: BTreeSet<Key> = records.iter().map(Record::key).collect();
        let (mut restored, mut generation) = (0, 0);
        for record in records {
            let Some(record) = forward(present(view, &record.key())?, record) else { continue };
            if let Record::Environment(environment) = &record {
                generation = environment.generation;
            }
            draft.put(record);
            restored += 1;
        }
        let mut deleted = 0;
        for key in view.all()? {
            if !kept.contains(&key) && !matches!(key, Key::Backup(_) | Key::Answered(_)) {
                draft.delete(key);
                deleted += 1;
            }
        }
        draft.becomes(generation);
        Ok(RestoreOutcome {
            environment_id: here,
            source_environment: facts.source_environment.clone(),
            digest: facts.digest.clone(),
            restored,
            deleted,
            missing_secrets,
            generation,
        })
    }
}

/// What is known here of the backup that is asked for.
fn known(answers: &RestoreAnswers, view: &dyn View) -> Result<Option<Backup>, Fault> {
    match (&answers.backup_id, &answers.file) {
        (Some(id), None) => view.backup(*id),
        (None, Some(_)) => Ok(None),
        _ => Err(Fault::invalid("give backup_id or file, one of the two").at("")),
    }
}

/// The backup that was read is the one that was asked for, and may go where it is to go.
fn is_the_one(
    answers: &RestoreAnswers,
    facts: &RestoreFacts,
    known: Option<&Backup>,
    now: Option<&Environment>,
    here: &EnvironmentId,
) -> Result<(), Fault> {
    if let Some(known) = known.filter(|known| known.digest != facts.digest) {
        return Err(Fault::refused(format!(
            "backup {} has digest {}, what was read has {}",
            known.backup_id, known.digest, facts.digest
        ))
        .hint("its file was changed; gtc op backups list")
        .at("/backup_id"));
    }
    let source = &facts.source_environment;
    let said = answers.from_environment.as_ref().unwrap_or(here);
    if said != source {
        return Err(Fault::refused(format!("it is a backup of `{source}`, not of `{said}`"))
            .hint(format!("add from_environment `{source}` if that is what you want"))
            .at("/from_environment"));
    }
    match now {
        Some(_) if source != here => {
            let why = format!("environment `{here}` exists: another one's backup makes a new one");
            Err(Fault::conflict(why)
                .hint("choose the name of an environment that is not there yet"))
        }
        _ => Ok(()),
    }
}

/// Nothing that the records need is missing, and they do not contradict themselves.
fn is_whole(facts: &RestoreFacts) -> Result<(), Fault> {
    let missing = facts.missing_artifacts.iter();
    let packs: BTreeSet<&Digest> = facts.records.iter().flat_map(pinned_packs).collect();
    let what = |digest| if packs.contains(digest) { "env-pack" } else { "bundle" };
    let mut problems: Vec<Problem> = missing
        .map(|digest| Problem::new("", format!("{} {digest} is not here", what(digest))))
        .collect();
    problems.extend(contradictions(&facts.source_environment, &facts.records));
    none_of(Kind::Refused, "the backup cannot be restored", &problems)
        .map_err(|fault| fault.hint("gtc op backups list"))
}

fn pinned_packs(record: &Record) -> Vec<&Digest> {
    match record {
        Record::Environment(environment) => environment.pinned_packs().collect(),
        _ => Vec::new(),
    }
}

/// What a restored record takes the place of: a deployment also that of its removed self.
fn present(view: &dyn View, key: &Key) -> Result<Option<Record>, Fault> {
    let found = view.get(key)?;
    match key {
        Key::Deployment(id) if found.is_none() => Ok(view.retired(*id)?.map(Record::Deployment)),
        Key::Retired(id) if found.is_none() => Ok(view.deployment(*id)?.map(Record::Retired)),
        _ => Ok(found),
    }
}
