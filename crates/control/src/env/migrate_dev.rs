//! `env migrate-dev`: what an older install called `dev` is called `local`. The caller looks for the
//! name and rewrites the files; here is what is said of it, and that it is written down.

use deploy_spec::{EnvironmentId, Fault};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::view::Lookup as _;

/// The name that is migrated away from.
const FROM: &str = "dev";

/// `env migrate-dev`.
pub struct MigrateDev;

/// The answers of `env migrate-dev`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrateDevAnswers {
    /// Only say what is found; change nothing.
    #[serde(default)]
    pub check: bool,
}

/// How a name is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DevUse {
    /// The value of a field that names an environment.
    Field,
    /// A reference to a secret.
    Reference,
    /// The name of an entry.
    Key,
    /// A line of a file that is no document.
    Text,
    /// A folder.
    Folder,
    /// An environment of the store.
    Environment,
    /// A file that holds secrets.
    SecretStore,
    /// What could not be looked at.
    Unknown,
}

/// What becomes of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DevAction {
    /// The name is rewritten there.
    Rewrite,
    /// It stays, and the alias gives it its meaning.
    Leave,
}

/// A use of the name `dev`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct DevFinding {
    /// The file or folder.
    pub path: String,
    /// The line, from 1; none for a whole file or folder.
    pub line: Option<u64>,
    /// How it is used.
    pub kind: DevUse,
    /// What becomes of it.
    pub action: DevAction,
    /// What is rewritten to what, or why it stays.
    pub detail: String,
}

/// Every use there is: what the caller found.
pub type MigrateDevFacts = Vec<DevFinding>;

/// The result of `env migrate-dev`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrateDevOutcome {
    /// Whether nothing was found.
    pub clean: bool,
    /// What was found, by path and line.
    pub findings: Vec<DevFinding>,
    /// `dev`.
    pub from_env: String,
    /// The environment that is meant.
    pub to_env: EnvironmentId,
    /// How many findings are rewritten, or would be.
    pub rewrite_count: usize,
    /// Whether an alias is left for the others, or would be.
    pub alias: bool,
}

impl Verb for MigrateDev {
    const NOUN: &'static str = "env";
    const OP: &'static str = "migrate-dev";
    type Answers = MigrateDevAnswers;
    type Facts = MigrateDevFacts;
    type Outcome = MigrateDevOutcome;

    fn rule(
        answers: &MigrateDevAnswers,
        found: &MigrateDevFacts,
        draft: &mut Draft<'_>,
    ) -> Result<MigrateDevOutcome, Fault> {
        let environment = draft.view().environment()?;
        let id = environment.environment_id;
        draft.target(&id, Some(environment.generation))?;
        if id.as_str() == FROM {
            return Err(Fault::invalid(format!("`{FROM}` is what is migrated away from"))
                .at("/environment_id")
                .hint("gtc op env migrate-dev local"));
        }
        let rewrite_count = found.iter().filter(|f| f.action == DevAction::Rewrite).count();
        if !answers.check && !found.is_empty() {
            draft.note();
        }
        Ok(MigrateDevOutcome {
            clean: found.is_empty(),
            findings: found.clone(),
            from_env: FROM.into(),
            to_env: id,
            rewrite_count,
            alias: rewrite_count < found.len(),
        })
    }
}
