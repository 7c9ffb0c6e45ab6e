//! `backups prune`: forgets all backups but the newest.

use deploy_spec::{Backup, Fault};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::record::Key;
use crate::view::Lookup as _;

/// `backups prune`.
pub struct Prune;

/// The answers of `backups prune`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PruneAnswers {
    /// How many backups stay, the newest ones.
    #[serde(default = "keep")]
    pub keep: u32,
    /// How many days old a backup is at least before it goes.
    #[serde(default)]
    pub older_than_days: u32,
}

const fn keep() -> u32 {
    10
}

/// The result of `backups prune`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PruneOutcome {
    /// The backups that went, oldest first; the caller removes their files.
    pub removed: Vec<Backup>,
    /// How many stay.
    pub kept: usize,
}

const DAY_MS: i64 = 24 * 3600 * 1000;

impl Verb for Prune {
    const NOUN: &'static str = "backups";
    const OP: &'static str = "prune";
    type Answers = PruneAnswers;
    type Facts = ();
    type Outcome = PruneOutcome;

    fn rule(answers: &PruneAnswers, (): &(), draft: &mut Draft<'_>) -> Result<PruneOutcome, Fault> {
        let environment = draft.view().environment()?;
        draft.target(&environment.environment_id, Some(environment.generation))?;
        let mut backups = super::list(draft.view())?.backups;
        // A clock may go backwards, the sequence does not.
        backups.sort_by_key(|backup| (backup.sequence, backup.backup_id));
        let keep = usize::try_from(answers.keep).unwrap_or(usize::MAX);
        let kept = backups.split_off(backups.len().saturating_sub(keep)).len();
        let age = i64::from(answers.older_than_days).saturating_mul(DAY_MS);
        let before = draft.now().as_millisecond().saturating_sub(age);
        let (removed, young): (Vec<Backup>, Vec<Backup>) =
            backups.into_iter().partition(|backup| backup.at.as_millisecond() <= before);
        for backup in &removed {
            draft.delete(Key::Backup(backup.backup_id));
        }
        Ok(PruneOutcome { removed, kept: kept + young.len() })
    }
}
