//! `gtc op audit`: the log itself is kept outside; here is what forgetting its oldest part means.

use deploy_spec::Fault;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::view::Lookup as _;

/// `audit prune`: forgets the oldest files of the log. That it was done stays in the log.
pub struct Prune;

/// The answers of `audit prune`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PruneAnswers {
    /// How many full files of 16 MiB stay besides the one that is written, the newest ones.
    #[serde(default = "keep")]
    pub keep: u32,
}

const fn keep() -> u32 {
    16
}

/// A full file of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditFile {
    /// Its path, relative to the environment's folder.
    pub file: String,
    /// The number of its first line.
    pub first: u64,
    /// Its size, in bytes.
    pub size_bytes: u64,
}

/// The full files there are, oldest first: what the caller found.
pub type PruneFacts = Vec<AuditFile>;

/// The result of `audit prune`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PruneOutcome {
    /// The files that go, oldest first; the caller removes them.
    pub removed: Vec<AuditFile>,
    /// How many full files stay.
    pub kept: usize,
}

impl Verb for Prune {
    const NOUN: &'static str = "audit";
    const OP: &'static str = "prune";
    type Answers = PruneAnswers;
    type Facts = PruneFacts;
    type Outcome = PruneOutcome;

    fn rule(
        answers: &PruneAnswers,
        files: &PruneFacts,
        draft: &mut Draft<'_>,
    ) -> Result<PruneOutcome, Fault> {
        let environment = draft.view().environment()?;
        draft.target(&environment.environment_id, Some(environment.generation))?;
        let keep = usize::try_from(answers.keep).unwrap_or(usize::MAX);
        let mut removed = files.clone();
        let kept = removed.split_off(files.len().saturating_sub(keep)).len();
        if !removed.is_empty() {
            draft.note();
        }
        Ok(PruneOutcome { removed, kept })
    }
}
