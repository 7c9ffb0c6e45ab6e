//! `gtc op backups`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use control::backups::{
    self, BackupMade, Create, Prune, PruneAnswers, Restore, RestoreAnswers, RestoreFacts,
};
use control::{Record, View as _};
use deploy_spec::{Backup, BackupId, Digest, EnvironmentId, EventId, Fault, document};
use serve::ambient;
use store::{BackupHeader, EnvironmentStore};

use crate::globals::{Change, Globals, InEnvironment};
use crate::mutate::{Fields, Intent, mutate, mutate_then};
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Write all records of an environment, as they are at one moment, into one file
    #[command(after_help = "Example:\n  gtc op backups create local")]
    Create(CreateArgs),
    /// Put everything back as a backup has it, in one commit; nothing counts backwards
    #[command(after_help = "Examples:
  gtc op backups restore --backup 01K… --dry-run
  gtc op backups restore local --backup 01K…
  gtc op backups restore staging --file /mnt/local.gtbackup --from local")]
    Restore(RestoreArgs),
    /// Forget all backups but the newest
    #[command(after_help = "Examples:
  gtc op backups prune --dry-run
  gtc op backups prune local --keep 5 --older-than-days 90")]
    Prune(PruneArgs),
    /// List the backups
    List(InEnvironment),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The environment [default: local]
    environment: Option<EnvironmentId>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The environment to restore [default: local]
    environment: Option<EnvironmentId>,
    /// A backup of this environment, by its id
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    backup: Option<BackupId>,
    /// A backup in a file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The environment that the backup is of, when it goes to another one
    #[arg(long, value_name = "ENVIRONMENT")]
    from: Option<EnvironmentId>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// The environment [default: local]
    environment: Option<EnvironmentId>,
    /// How many backups stay, the newest [default: 10]
    #[arg(long, value_name = "N")]
    keep: Option<u32>,
    /// How many days old the others are at least before they go [default: 0]
    #[arg(long, value_name = "DAYS")]
    older_than_days: Option<u32>,
    #[command(flatten)]
    change: Change,
}

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        match self {
            Self::Create(args) => ("create", create(globals, &args)),
            Self::Restore(args) => ("restore", restore(globals, args)),
            Self::Prune(args) => ("prune", prune(globals, &args)),
            Self::List(at) => ("list", list(globals, &at)),
        }
    }
}

fn create(globals: &Globals, args: &CreateArgs) -> Result<Success, Fault> {
    let flags = Fields::default().text("environment_id", args.environment.as_ref());
    mutate::<Create>(globals, &args.change, flags.done(), |store, _, intent| made(store, intent))
}

/// The file comes first: without the commit that tells of it, it is nothing but a file.
fn made(store: &EnvironmentStore, intent: Intent) -> Result<BackupMade, Fault> {
    let now = ambient::now();
    let bits = u128::from_be_bytes(ambient::random()?);
    let id = EventId::from_parts(u64::try_from(now.as_millisecond()).unwrap_or(0), bits);
    let backup_id = id.to_string().parse().map_err(Fault::internal)?;
    if intent == Intent::Rehearse {
        let view = store.read()?;
        let records = view.all()?.len() as u64;
        let digest = Digest::of(b"");
        let file = format!("{id}.gtbackup");
        let sequence = view.sequence();
        return Ok(BackupMade { backup_id, file, digest, size_bytes: 0, sequence, records });
    }
    let backup = store.backup_write(id, &ambient::actor(ambient::own_uid()), now)?;
    let header = backup.header.ok_or_else(|| Fault::internal("a new backup has no header"))?;
    Ok(BackupMade {
        backup_id,
        file: backup.file,
        digest: header.digest,
        size_bytes: backup.file_bytes,
        sequence: header.content.sequence,
        records: header.content.records,
    })
}

fn restore(globals: &Globals, args: RestoreArgs) -> Result<Success, Fault> {
    let flags = Fields::default()
        .text("environment_id", args.environment)
        .text("backup_id", args.backup)
        .text("file", args.file.as_ref().map(|file| file.display()))
        .text("from_environment", args.from);
    mutate::<Restore>(globals, &args.change, flags.done(), |store, answers, intent| {
        let (header, records) = store::backup_read(&file(store, answers)?)?;
        facts(globals, store, header, records, intent)
    })
}

/// The file of the backup that is asked for.
fn file(store: &EnvironmentStore, answers: &RestoreAnswers) -> Result<PathBuf, Fault> {
    match (answers.backup_id, &answers.file) {
        (Some(id), None) => {
            let backup = backups::find(&store.read()?, id)?;
            Ok(store.folder().join(backup.file))
        }
        (None, Some(file)) => Ok(Path::new(file).to_owned()),
        _ => Err(Fault::invalid("give --backup ID or --file FILE, one of the two")
            .at("")
            .hint("gtc op backups list")),
    }
}

/// What a record needs of what does not travel in a backup.
fn needed(record: &Record) -> Vec<&Digest> {
    match record {
        Record::Revision(revision) => vec![&revision.bundle_digest],
        Record::Environment(environment) => environment.pinned_packs().collect(),
        _ => Vec::new(),
    }
}

/// Bundles and env-packs do not travel in a backup: what this environment lacks is taken from the one that the
/// backup is of, when that is here.
fn facts(
    globals: &Globals,
    store: &EnvironmentStore,
    header: BackupHeader,
    records: Vec<Record>,
    intent: Intent,
) -> Result<RestoreFacts, Fault> {
    let source = header.content.environment_id;
    let there = globals.store(&source)?;
    let mut missing = Vec::new();
    for digest in records.iter().flat_map(needed) {
        if store.artifact(digest).exists() || missing.contains(digest) {
            continue;
        }
        let origin = there.artifact(digest);
        match (origin.exists(), intent) {
            (false, _) => missing.push(digest.clone()),
            (true, Intent::Rehearse) => {}
            (true, Intent::Commit) => {
                store.take_in(&origin)?;
                if let Some(signatures) = there.get_beside(digest, serve::staging::SIGNATURES)? {
                    store.put_beside(digest, serve::staging::SIGNATURES, &signatures)?;
                }
            }
        }
    }
    let refs = records.iter().flat_map(|record| match record {
        Record::Secret(secret) => secret.versions.as_slice(),
        _ => &[],
    });
    let refs = refs.map(|version| version.value_ref.clone());
    let missing_values = refs.filter(|value_ref| !serve::holds_value(store, value_ref)).collect();
    Ok(RestoreFacts {
        source_environment: source,
        digest: header.digest,
        records,
        missing_artifacts: missing,
        missing_values,
    })
}

fn prune(globals: &Globals, args: &PruneArgs) -> Result<Success, Fault> {
    let flags = Fields::default()
        .text("environment_id", args.environment.as_ref())
        .set("keep", args.keep)
        .set("older_than_days", args.older_than_days);
    let find = |_: &EnvironmentStore, _: &PruneAnswers, _| Ok(());
    mutate_then::<Prune>(globals, &args.change, flags.done(), find, |store, done| {
        let removed = done.parsed()?["removed"].take();
        let removed: Vec<Backup> = document::from_value(removed)?;
        let known = backups::list(&store.read()?)?.backups;
        let files =
            |backups: Vec<Backup>| backups.into_iter().map(|it| it.file).collect::<Vec<_>>();
        let holder = ambient::holder("backups prune");
        store.backups_forget(ambient::now(), &holder, &files(known), &files(removed))
    })
}

fn list(globals: &Globals, at: &InEnvironment) -> Result<Success, Fault> {
    let view = globals.readable(("backups", "list"), &at.environment)?.read()?;
    Success::of(&backups::list(&view)?)
}
