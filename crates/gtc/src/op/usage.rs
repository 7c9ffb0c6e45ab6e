//! `gtc op usage`.

use clap::{Args, Subcommand, ValueEnum};
use control::Lookup as _;
use control::usage::{By, usage_report};
use deploy_spec::{Fault, Timestamp};
use serde_json::json;
use serve::{ambient, used_days};

use crate::globals::{Globals, InEnvironment};
use crate::instant::instant;
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show how many requests were answered, for whom, and how long they took
    #[command(after_help = "Days are those of UTC. What is served is noted each second.

Examples:
  gtc op usage report
  gtc op usage report local --by customer --since 30d
  gtc op usage report --by day --since 2026-11-01T00:00:00Z --until 2026-11-30T00:00:00Z")]
    Report(ReportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    at: InEnvironment,
    /// What there is one row for
    #[arg(long, value_enum, default_value_t = Rows::Revision)]
    by: Rows,
    /// From this day on: a time as 2026-11-21T17:00:00Z, or how long ago as 12h or 7d
    #[arg(long, value_name = "TIME", value_parser = instant, default_value = "30d")]
    since: Timestamp,
    /// Up to this day, included
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Rows {
    Customer,
    Deployment,
    Revision,
    Day,
}

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        match self {
            Self::Report(args) => ("report", report(globals, &args)),
        }
    }
}

fn report(globals: &Globals, args: &ReportArgs) -> Result<Success, Fault> {
    let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
    let (first, last) = (day(args.since), day(args.until.unwrap_or_else(ambient::now)));
    if first > last {
        let why = format!("nothing is from {first} to {last}");
        return Err(Fault::invalid(why).hint("--since is the earlier one of both"));
    }
    let store = globals.readable(("usage", "report"), &args.at.environment)?;
    // That there is no such environment is said by reading it.
    store.read()?.environment()?;
    let by = match args.by {
        Rows::Customer => By::Customer,
        Rows::Deployment => By::Deployment,
        Rows::Revision => By::Revision,
        Rows::Day => By::Day,
    };
    let report = usage_report(&used_days(&store, &first, &last)?, by);
    Success::of(&json!({
        "environment_id": store.id(),
        "first_day": first,
        "last_day": last,
        "rows": report.rows,
        "total": report.total,
    }))
}
