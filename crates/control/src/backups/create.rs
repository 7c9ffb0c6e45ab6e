//! `backups create`: writes down that a backup was made.

use deploy_spec::backup::BackupSchema;
use deploy_spec::{Backup, BackupId, Digest, Fault};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::mechanism::Verb;
use crate::record::Record;
use crate::view::Lookup as _;

/// `backups create`.
pub struct Create;

/// The answers of `backups create`: none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAnswers {}

/// The backup that the caller made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupMade {
    /// Its id.
    pub backup_id: BackupId,
    /// The file that holds it.
    pub file: String,
    /// The digest of the file's bytes.
    pub digest: Digest,
    /// The size of the file, in bytes.
    pub size_bytes: u64,
    /// The commit sequence whose state it holds.
    pub sequence: u64,
    /// How many records it holds.
    pub records: u64,
}

impl Verb for Create {
    const NOUN: &'static str = "backups";
    const OP: &'static str = "create";
    type Answers = CreateAnswers;
    type Facts = BackupMade;
    type Outcome = Backup;

    fn rule(_: &CreateAnswers, made: &BackupMade, draft: &mut Draft<'_>) -> Result<Backup, Fault> {
        let environment = draft.view().environment()?;
        draft.target(made.backup_id, None)?;
        if draft.view().backup(made.backup_id)?.is_some() {
            return Err(Fault::internal(format!("backup {} was made twice", made.backup_id)));
        }
        let backup = Backup {
            schema: BackupSchema,
            backup_id: made.backup_id,
            environment_id: environment.environment_id,
            file: made.file.clone(),
            digest: made.digest.clone(),
            size_bytes: made.size_bytes,
            sequence: made.sequence,
            records: made.records,
            at: draft.now(),
            by: draft.actor().clone(),
        };
        draft.becomes(0);
        draft.put(Record::Backup(backup.clone()));
        Ok(backup)
    }
}
