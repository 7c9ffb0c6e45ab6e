//! `gtc op audit`.

use clap::{Args, Subcommand};
use control::audit::{AuditFile, Prune, PruneAnswers};
use deploy_spec::{EnvironmentId, Fault, Timestamp};
use serde_json::json;
use serve::ambient;
use store::{AuditFilter, AuditOrder, AuditOutcome, EnvironmentStore, Removal, RotatedFile};

use crate::globals::{Change, Globals, InEnvironment};
use crate::instant::instant;
use crate::mutate::{Fields, mutate_then};
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show who did what, to what, when, and whether they might
    #[command(after_help = "Examples:
  gtc op audit list
  gtc op audit list prod-eu --noun traffic --since 2h
  gtc op audit list --actor ada --outcome refused --limit 100")]
    List(ListArgs),
    /// Forget the oldest files of the log; what is left can still be proved
    #[command(after_help = "Examples:
  gtc op audit prune --dry-run
  gtc op audit prune local --keep 4")]
    Prune(PruneArgs),
    /// Prove that no line was changed, removed, moved or inserted, and that the end is there
    #[command(after_help = "Example:\n  gtc op audit verify local")]
    Verify(InEnvironment),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    at: InEnvironment,
    /// Not before this: a time as 2026-11-21T17:00:00Z, or how long ago as 30m, 2h or 7d
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<Timestamp>,
    /// Before this
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Timestamp>,
    /// The noun of the command: traffic, revisions …
    #[arg(long)]
    noun: Option<String>,
    /// The verb of the command: set, warm …
    #[arg(long)]
    verb: Option<String>,
    /// The account of who did it
    #[arg(long, value_name = "USER")]
    actor: Option<String>,
    /// The id of what it was done to
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// How it ended: ok, error, or a kind such as refused or conflict
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<AuditOutcome>,
    /// How many lines to show at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    /// Begin with the oldest
    #[arg(long)]
    oldest_first: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// The environment [default: local]
    environment: Option<EnvironmentId>,
    /// How many full files of 16 MiB stay besides the one that is written [default: 16]
    #[arg(long, value_name = "N")]
    keep: Option<u32>,
    #[command(flatten)]
    change: Change,
}

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        match self {
            Self::List(args) => ("list", list(globals, args)),
            Self::Prune(args) => ("prune", prune(globals, &args)),
            Self::Verify(at) => ("verify", verify(globals, &at)),
        }
    }
}

fn list(globals: &Globals, args: ListArgs) -> Result<Success, Fault> {
    let order = if args.oldest_first { AuditOrder::OldestFirst } else { AuditOrder::NewestFirst };
    let filter = AuditFilter {
        since: args.since,
        until: args.until,
        noun: args.noun,
        verb: args.verb,
        actor: args.actor,
        target: args.target,
        outcome: args.outcome,
        limit: Some(args.limit),
        order,
    };
    let page = globals.readable(("audit", "list"), &args.at.environment)?.audit_list(&filter)?;
    Success::of(&json!({
        "events": page.events,
        "truncated": page.is_cut,
        "unreadable": page.unreadable,
    }))
}

/// What is to go is written into the log first, and goes then: a crash between leaves too much.
fn prune(globals: &Globals, args: &PruneArgs) -> Result<Success, Fault> {
    let flags =
        Fields::default().text("environment_id", args.environment.as_ref()).set("keep", args.keep);
    let find = |store: &EnvironmentStore, _: &PruneAnswers, _| files(store);
    mutate_then::<Prune>(globals, &args.change, flags.done(), find, |store, done| {
        let kept = done.parsed()?["kept"].as_u64().and_then(|kept| usize::try_from(kept).ok());
        let holder = ambient::holder("audit prune");
        store.audit_prune(kept.unwrap_or(usize::MAX), Removal::Remove, &holder).map(drop)
    })
}

fn files(store: &EnvironmentStore) -> Result<Vec<AuditFile>, Fault> {
    let all = store
        .audit_prune(0, Removal::LookOnly, &ambient::holder("audit prune"))?
        .removed
        .into_iter();
    let file =
        |f: RotatedFile| AuditFile { file: f.file, first: f.first, size_bytes: f.size_bytes };
    Ok(all.map(file).collect())
}

fn verify(globals: &Globals, at: &InEnvironment) -> Result<Success, Fault> {
    let report = globals.readable(("audit", "verify"), &at.environment)?.audit_verify()?;
    if report.problems.is_empty() {
        return Success::of(&report);
    }
    let first = &report.problems[0];
    Err(Fault::unhealthy(format!(
        "the audit log of `{}` is not what was written: {}",
        at.environment, first.why
    ))
    .hint(format!("gtc op audit list {} --oldest-first", at.environment))
    .detail("problems", json!(report.problems))
    .detail("lines", report.lines))
}
