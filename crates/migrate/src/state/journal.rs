//! What is being moved, and what was.
//!
//! The journal is made durable before anything moves: from then on the next run finishes it. When all
//! is moved it gets the name of a record of that, in one step, so that there is always one of the two.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use control::env::StateMove;
use deploy_spec::{Fault, Timestamp, document, schema_tag};
use serde::{Deserialize, Serialize};

use super::steps::Steps;

/// The folder of what was moved, in the environment's; no provider's name has a dot, so that the
/// files in it are never taken for one.
pub(super) const LEGACY: &str = "legacy";
const JOURNAL: &str = "journal.json";
const DONE: &str = "migrated-";

schema_tag!(
    /// `greentic.state-migration.v1`
    MigrationSchema = "greentic.state-migration.v1"
);

/// A migration of state trees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Migration {
    pub(super) schema: MigrationSchema,
    /// The folders that hold `<provider>/<tenant>/<environment>`.
    pub(super) trees: Vec<String>,
    /// What moves.
    pub(super) moves: Vec<StateMove>,
    /// When it was begun.
    pub(super) begun_at: Timestamp,
}

/// The folder of journal and records of an environment.
pub(super) struct Journal {
    folder: PathBuf,
}

impl Journal {
    pub(super) fn of(environment: &Path) -> Self {
        Self { folder: environment.join(LEGACY) }
    }

    /// The migration that was begun and not finished.
    pub(super) fn unfinished(&self) -> Result<Option<Migration>, Fault> {
        read(&self.folder.join(JOURNAL))
    }

    /// The migrations that were finished, in no order.
    pub(super) fn done(&self) -> Result<Vec<Migration>, Fault> {
        let mut done = Vec::new();
        for name in self.records()? {
            done.extend(read(&self.folder.join(name))?);
        }
        Ok(done)
    }

    fn records(&self) -> Result<Vec<String>, Fault> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&self.folder, &error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&self.folder, &error))?;
            names.extend(entry.file_name().into_string());
        }
        names.retain(|name| name.starts_with(DONE));
        Ok(names)
    }

    /// Writes down what is about to be moved.
    pub(super) fn begin(&self, steps: &dyn Steps, migration: &Migration) -> io::Result<()> {
        steps.make_folder(&self.folder)?;
        steps.sync_folder(self.folder.parent().unwrap_or(&self.folder))?;
        let draft = self.folder.join("journal.draft");
        steps.write(&draft, &document::to_line(migration))?;
        steps.replace(&draft, &self.folder.join(JOURNAL))?;
        steps.sync_folder(&self.folder)
    }

    /// Writes down that all is moved.
    pub(super) fn finish(&self, steps: &dyn Steps) -> Result<(), Fault> {
        let number = self.records()?.len() + 1;
        let record = self.folder.join(format!("{DONE}{number}.json"));
        let put = || {
            steps.rename(&self.folder.join(JOURNAL), &record)?;
            steps.sync_folder(&self.folder)
        };
        put().map_err(|error| {
            Fault::unavailable(format!(
                "all is moved, and writing `{}` failed: {error}",
                record.display()
            ))
            .hint("ask again; the next run finishes it")
        })
    }
}

fn read(path: &Path) -> Result<Option<Migration>, Fault> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path, &error)),
    };
    document::from_json(&text).map(Some).map_err(|why| unreadable(path, &why.message))
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> Fault {
    Fault::unavailable(format!("what was migrated is not known: `{}`: {why}", path.display()))
        .hint("mend it from your own backup, or look at what lies beside it and remove it")
}
