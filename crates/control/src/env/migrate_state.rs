//! `env migrate-state`: the state tree of an older install moves below the environment, once. The
//! caller moves the files; here is when that may be done, and that it is written down.

use deploy_spec::{EnvironmentId, Fault, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::view::Lookup as _;

/// `env migrate-state`.
pub struct MigrateState;

/// The answers of `env migrate-state`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrateStateAnswers {
    /// The folder that holds `state/deploy` or `deploy`; the home of this install unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Only say what is found; change nothing.
    #[serde(default)]
    pub check: bool,
}

/// Something that moves whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateMove {
    /// Its path in the old tree.
    pub from: String,
    /// Its path relative to the environment's folder.
    pub to: String,
}

/// Something that cannot be moved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Leftover {
    /// Its path.
    pub path: String,
    /// Why it cannot be moved.
    pub why: String,
}

/// What belongs to another environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Elsewhere {
    /// Its path.
    pub path: String,
    /// The environment.
    pub environment_id: EnvironmentId,
}

/// What the caller found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MigrateStateFacts {
    /// The folders that hold `<provider>/<tenant>/<environment>`.
    pub trees: Vec<String>,
    /// What moves, in order of the paths.
    pub moves: Vec<StateMove>,
    /// What cannot be moved, in order of the paths.
    pub leftovers: Vec<Leftover>,
    /// What belongs to other environments that there are.
    pub elsewhere: Vec<Elsewhere>,
    /// Whether a move that was begun is to be finished.
    pub is_unfinished: bool,
    /// When a tree of these was moved already.
    pub migrated_at: Option<Timestamp>,
}

/// What `env migrate-state` did, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MigrateStateResult {
    /// There is no such tree, or nothing in it.
    Nothing,
    /// It was done before.
    Already,
    /// It can be done; it was only checked.
    Checked,
    /// It is done.
    Migrated,
}

/// The result of `env migrate-state`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrateStateOutcome {
    /// What was done.
    pub outcome: MigrateStateResult,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// Whether nothing stands in the way.
    pub clean: bool,
    /// What was found.
    #[serde(flatten)]
    pub found: MigrateStateFacts,
}

impl Verb for MigrateState {
    const NOUN: &'static str = "env";
    const OP: &'static str = "migrate-state";
    type Answers = MigrateStateAnswers;
    type Facts = MigrateStateFacts;
    type Outcome = MigrateStateOutcome;

    fn rule(
        answers: &MigrateStateAnswers,
        found: &MigrateStateFacts,
        draft: &mut Draft<'_>,
    ) -> Result<MigrateStateOutcome, Fault> {
        let environment = draft.view().environment()?;
        let id = environment.environment_id;
        draft.target(&id, Some(environment.generation))?;
        if !answers.check && !found.leftovers.is_empty() {
            return Err(refusal(&id, found));
        }
        let has_work = !found.moves.is_empty() || found.is_unfinished;
        if has_work && !answers.check {
            draft.note();
        }
        let outcome = match (has_work, answers.check) {
            (true, true) => MigrateStateResult::Checked,
            (true, false) => MigrateStateResult::Migrated,
            (false, _) if found.migrated_at.is_some() => MigrateStateResult::Already,
            (false, _) => MigrateStateResult::Nothing,
        };
        let clean = found.leftovers.is_empty();
        Ok(MigrateStateOutcome { outcome, environment_id: id, clean, found: found.clone() })
    }
}

fn refusal(id: &EnvironmentId, found: &MigrateStateFacts) -> Fault {
    let first = &found.leftovers[0];
    let more = match found.leftovers.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Fault::refused(format!(
        "nothing was moved, because not everything can be: `{}` {}{more}",
        first.path, first.why
    ))
    .hint(format!(
        "move these out of the tree, then ask again; `gtc op env migrate-state {id} --check` lists them"
    ))
    .detail("leftovers", serde_json::json!(found.leftovers))
}
