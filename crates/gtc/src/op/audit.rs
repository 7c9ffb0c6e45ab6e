//! `gtc op audit`.

use clap::{Args, Subcommand};
use deploy_spec::{Fault, Timestamp};
use serde_json::json;
use store::{AuditFilter, AuditOrder, AuditOutcome};

use crate::globals::{Globals, InEnvironment};
use crate::instant::instant;
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show who did what, to what, when, and whether they might
    #[command(after_help = "Examples:
  gtc op audit list
  gtc op audit list prod-eu --noun traffic --since 2h
  gtc op audit list --actor ada --outcome refused --limit 100")]
    List(ListArgs),
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

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        match self {
            Self::List(args) => ("list", list(globals, args)),
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
