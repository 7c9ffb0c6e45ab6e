//! `gtc op traffic`.

mod shadow;

use clap::{Args, Subcommand};
use control::Handle;
use control::traffic::{self, Clear, Rollback, Set};
use deploy_spec::{EnvironmentId, Fault};
use serde_json::{Value, json};

use crate::globals::{Change, Globals, InEnvironment};
use crate::mutate::{Fields, mutate};
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Turn the dial: say which revision serves how much
    #[command(after_help = "Examples:
  gtc op traffic set r1=99 r2=1
  gtc op traffic set local --deployment hello r1=99.5 r2=0.5
  gtc op traffic set --answers split.json --idempotency-key friday-canary")]
    Set(SetArgs),
    /// Go back to the split before; can be repeated back to the first
    #[command(after_help = "Example:\n  gtc op traffic rollback --deployment hello")]
    Rollback(WhoseArgs),
    /// Take a deployment off the air; it answers 503 until traffic is set again
    #[command(after_help = "Example:\n  gtc op traffic clear --deployment hello")]
    Clear(WhoseArgs),
    /// Have a revision answer some requests as well, only to compare what it says
    #[command(
        after_help = "Requests by GET, HEAD and OPTIONS without a body are drawn. The client gets
the answer of the revision that it has; the other one is told x-greentic-shadow: 1, and whatever it
does besides answering, it really does.

Examples:
  gtc op traffic shadow r2=10
  gtc op traffic shadow r2=1.5 --deployment hello --ignore-header x-cache
  gtc op traffic differences"
    )]
    Shadow(shadow::ShadowArgs),
    /// End what `shadow` began
    #[command(after_help = "Example:\n  gtc op traffic unshadow --deployment hello")]
    Unshadow(WhoseArgs),
    /// Show what shadows said differently since the data plane began
    #[command(after_help = "Example:\n  gtc op traffic differences --deployment hello")]
    Differences(ShowArgs),
    /// Show who serves how much now
    Show(ShowArgs),
    /// Show the splits that were, newest last
    History(HistoryArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The environment, if not local, then the shares in percent: r1=99 r2=1
    #[arg(value_name = "[ENVIRONMENT] REVISION=PERCENT")]
    words: Vec<String>,
    /// The deployment: an id, a prefix, or a bundle's name [default: the only one]
    #[arg(long)]
    deployment: Option<Handle>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct WhoseArgs {
    /// The environment [default: local]
    environment: Option<EnvironmentId>,
    /// The deployment: an id, a prefix, or a bundle's name [default: the only one]
    #[arg(long)]
    deployment: Option<Handle>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    at: InEnvironment,
    /// The deployment: an id, a prefix, or a bundle's name [default: the only one]
    #[arg(long)]
    deployment: Option<Handle>,
}

#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    #[command(flatten)]
    of: ShowArgs,
    /// How many generations to show at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: u64,
}

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        match self {
            Self::Set(args) => ("set", set(globals, args)),
            Self::Rollback(args) => ("rollback", rollback(globals, &args)),
            Self::Clear(args) => ("clear", clear(globals, &args)),
            Self::Shadow(args) => ("shadow", shadow::shadow(globals, args)),
            Self::Unshadow(args) => ("unshadow", shadow::unshadow(globals, &args)),
            Self::Differences(args) => ("differences", shadow::differences(globals, &args)),
            Self::Show(args) => ("show", show(globals, &args)),
            Self::History(args) => ("history", history(globals, &args)),
        }
    }
}

fn set(globals: &Globals, args: SetArgs) -> Result<Success, Fault> {
    let mut words = args.words.into_iter().peekable();
    let environment = words.next_if(|word| !word.contains('='));
    let entries = words.map(|word| entry(&word)).collect::<Result<Vec<Value>, Fault>>()?;
    let flags = Fields::default()
        .set("environment_id", environment)
        .text("deployment_id", args.deployment)
        .set("entries", (!entries.is_empty()).then_some(entries));
    mutate::<Set>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
}

/// `r1=99` as an entry.
fn entry(word: &str) -> Result<Value, Fault> {
    let share = word.split_once('=').and_then(|(revision, percent)| {
        let percent: f64 = percent.trim_end_matches('%').parse().ok()?;
        Some(json!({"revision_id": revision, "weight_percent": percent}))
    });
    share.ok_or_else(|| {
        Fault::invalid(format!("`{word}` is no share"))
            .at("/entries")
            .hint("write shares like r1=99 r2=1")
    })
}

fn whose(args: &WhoseArgs) -> Fields {
    Fields::default()
        .text("environment_id", args.environment.as_ref())
        .text("deployment_id", args.deployment.as_ref())
}

fn rollback(globals: &Globals, args: &WhoseArgs) -> Result<Success, Fault> {
    let flags = whose(args);
    mutate::<Rollback>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
}

fn clear(globals: &Globals, args: &WhoseArgs) -> Result<Success, Fault> {
    let flags = whose(args);
    mutate::<Clear>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
}

fn show(globals: &Globals, args: &ShowArgs) -> Result<Success, Fault> {
    let view = globals.readable(("traffic", "show"), &args.at.environment)?.read()?;
    Success::of(&traffic::show(&view, args.deployment.as_ref())?)
}

fn history(globals: &Globals, args: &HistoryArgs) -> Result<Success, Fault> {
    let view = globals.readable(("traffic", "history"), &args.of.at.environment)?.read()?;
    Success::of(&traffic::history(&view, args.of.deployment.as_ref(), args.limit)?)
}
