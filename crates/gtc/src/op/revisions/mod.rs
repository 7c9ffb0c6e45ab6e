//! `gtc op revisions`.

mod diff;
mod tag;
mod warm;

#[cfg(unix)]
pub(crate) use warm::engine_settings;

use clap::{Args, Subcommand};
use control::Handle;
use control::Verb as _;
use control::revisions::{
    self, Archive, Drain, DrainFacts, Prune, PruneAnswers, Retry, Stage, StageAnswers,
    StagedBundle, Tag, Untag,
};
use deploy_spec::{EnvironmentId, Fault};
use serde_json::{Map, Value};
use serve::staging::{Mode, stage_facts};
use serve::{ambient, is_served};

use store::{EnvironmentStore, Removal};

use super::environment_and;
use crate::globals::{Change, Globals, InEnvironment, Paged};
use crate::mutate::{Fields, Intent, mutate, mutate_then};
use crate::outcome::Success;
use crate::registries::Registries;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Pin a bundle as the next revision of a deployment
    #[command(after_help = "Examples:
  gtc op revisions stage hello.gtbundle
  gtc op revisions stage local hello.gtbundle --deployment hello --drain-seconds 60
  gtc op revisions stage oci://registry.example/hello:1.4.0")]
    Stage(StageArgs),
    /// Prove that a revision may serve: digest, signature, packs, config, secrets, readiness
    #[command(after_help = "Examples:
  gtc op revisions warm r2
  gtc op revisions warm hello/r2")]
    Warm(warm::WarmArgs),
    /// Take a revision without traffic out of service; what it is answering is finished first
    #[command(after_help = "Example:\n  gtc op revisions drain hello/r1")]
    Drain(MoveArgs),
    /// Bring a failed or drained revision back to staged, to be warmed again
    #[command(after_help = "Example:\n  gtc op revisions retry hello/r1")]
    Retry(MoveArgs),
    /// Put a revision away for good
    #[command(after_help = "Example:\n  gtc op revisions archive hello/r1")]
    Archive(MoveArgs),
    /// Call a revision by a name of your own, such as stable; a name that is taken moves
    #[command(
        after_help = "The name stands for the revision wherever one is typed, and for trusted
peers in the header x-greentic-revision. What has a name is not put away.

Examples:
  gtc op revisions tag hello/r2 --tag stable
  gtc op traffic set stable=100"
    )]
    Tag(tag::TagArgs),
    /// Take a name from its revision
    #[command(after_help = "Example:\n  gtc op revisions untag stable --deployment hello")]
    Untag(tag::UntagArgs),
    /// Delete the records of revisions and deployments that were put away long ago
    #[command(after_help = "Examples:
  gtc op revisions prune --dry-run
  gtc op revisions prune local --keep 5 --older-than-days 90")]
    Prune(PruneArgs),
    /// List the revisions
    List(ListArgs),
    /// Show all that a revision pins, and what its gate said
    #[command(after_help = "Example:\n  gtc op revisions show hello/r2")]
    Show(ShowArgs),
    /// Show what differs between two revisions: files, packs, permissions, config, secret versions
    #[command(after_help = "Examples:
  gtc op revisions diff r1 r2
  gtc op revisions diff prod-eu hello/r3 hello/r4 --limit 500")]
    Diff(diff::DiffArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StageArgs {
    /// The environment, if not local, then the bundle: a file, file://, oci://, repo://,
    /// store:// or sha256:DIGEST
    #[arg(value_name = "[ENVIRONMENT] BUNDLE", num_args = 0..=2)]
    words: Vec<String>,
    /// The deployment [default: the bundle's only one]
    #[arg(long)]
    deployment: Option<Handle>,
    /// The digest that the bundle must have
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// How long streams may live on once it drains
    #[arg(long, value_name = "SECONDS")]
    drain_seconds: Option<u32>,
    #[command(flatten)]
    registries: Registries,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct MoveArgs {
    /// The environment, if not local, then the revision: an id, a prefix, r2, a tag or hello/r2
    #[arg(value_name = "[ENVIRONMENT] REVISION", num_args = 0..=2)]
    words: Vec<String>,
    /// The deployment, where the revision could be several
    #[arg(long)]
    deployment: Option<Handle>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// The environment [default: local]
    environment: Option<EnvironmentId>,
    /// Only those of this deployment
    #[arg(long)]
    deployment: Option<Handle>,
    /// How many archived revisions of each deployment stay, the newest [default: 10]
    #[arg(long, value_name = "N")]
    keep: Option<u32>,
    /// How long ago they must have been put away [default: 30]
    #[arg(long, value_name = "DAYS")]
    older_than_days: Option<u32>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    at: InEnvironment,
    /// Only those of this deployment
    #[arg(long)]
    deployment: Option<Handle>,
    #[command(flatten)]
    paged: Paged,
}

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct ShowArgs {
    /// The environment
    #[arg(default_value = "local")]
    environment: EnvironmentId,
    /// The revision: an id, a prefix, r2 or hello/r2
    revision: Handle,
    /// The deployment, where the revision could be several
    #[arg(long)]
    deployment: Option<Handle>,
}

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        match self {
            Self::Stage(args) => ("stage", stage(globals, args)),
            Self::Warm(args) => ("warm", warm::warm(globals, args)),
            Self::Drain(args) => (Drain::OP, drain(globals, args)),
            Self::Retry(args) => {
                let (flags, change) = args.split();
                (Retry::OP, mutate::<Retry>(globals, &change, flags, |_, _, _| Ok(())))
            }
            Self::Archive(args) => {
                let (flags, change) = args.split();
                (Archive::OP, mutate::<Archive>(globals, &change, flags, |_, _, _| Ok(())))
            }
            Self::Tag(args) => (Tag::OP, tag::tag(globals, args)),
            Self::Untag(args) => (Untag::OP, tag::untag(globals, args)),
            Self::Prune(args) => (Prune::OP, prune(globals, &args)),
            Self::List(args) => ("list", list(globals, &args)),
            Self::Show(args) => ("show", show(globals, &args)),
            Self::Diff(args) => ("diff", diff::diff(globals, &args)),
        }
    }
}

impl MoveArgs {
    fn split(self) -> (Map<String, Value>, Change) {
        let (environment, revision) = environment_and(self.words);
        let flags = Fields::default()
            .set("environment_id", environment)
            .text("deployment_id", self.deployment)
            .set("revision_id", revision);
        (flags.done(), self.change)
    }
}

/// Where nothing serves, nothing is in flight.
fn drain(globals: &Globals, args: MoveArgs) -> Result<Success, Fault> {
    let (flags, change) = args.split();
    mutate::<Drain>(globals, &change, flags, |store, _, _| {
        Ok(DrainFacts { served: is_served(store.folder()) })
    })
}

fn prune(globals: &Globals, args: &PruneArgs) -> Result<Success, Fault> {
    let flags = Fields::default()
        .text("environment_id", args.environment.as_ref())
        .text("deployment_id", args.deployment.as_ref())
        .set("keep", args.keep)
        .set("older_than_days", args.older_than_days);
    let find = |_: &EnvironmentStore, _: &PruneAnswers, _| Ok(());
    mutate_then::<Prune>(globals, &args.change, flags.done(), find, |store, _| {
        let holder = ambient::holder("revisions prune");
        store.collect_artifacts(ambient::now(), Removal::Remove, &holder).map(drop)
    })
}

fn stage(globals: &Globals, args: StageArgs) -> Result<Success, Fault> {
    let (environment, bundle) = environment_and(args.words);
    let flags = Fields::default()
        .set("environment_id", environment)
        .text("deployment_id", args.deployment)
        .set("bundle", bundle)
        .set("bundle_digest", args.digest)
        .set("drain_seconds", args.drain_seconds);
    mutate::<Stage>(globals, &args.change, flags.done(), |store, answers, intent| {
        let mode = if intent == Intent::Commit { Mode::TakeIn } else { Mode::LookOnly };
        taken_in(globals, &args.registries, store, answers, mode)
    })
}

fn taken_in(
    globals: &Globals,
    registries: &Registries,
    store: &EnvironmentStore,
    answers: &StageAnswers,
    mode: Mode,
) -> Result<StagedBundle, Fault> {
    let mut facts = stage_facts(store, answers, mode, |named| registries.bundle(named, store))?;
    facts.config.legacy = super::config::legacy(globals, store, &facts.bundle_id)?;
    Ok(facts)
}

/// Takes in the bundle that a client of the data plane names.
#[cfg(unix)]
pub(crate) fn take_in(
    globals: &Globals,
    store: &EnvironmentStore,
    answers: &StageAnswers,
) -> Result<StagedBundle, Fault> {
    taken_in(globals, &Registries::default(), store, answers, Mode::TakeIn)
}

fn list(globals: &Globals, args: &ListArgs) -> Result<Success, Fault> {
    let view = globals.readable(("revisions", "list"), &args.at.environment)?.read()?;
    Success::of(&revisions::list(&view, args.deployment.as_ref(), args.paged.page())?)
}

fn show(globals: &Globals, args: &ShowArgs) -> Result<Success, Fault> {
    let view = globals.readable(("revisions", "show"), &args.environment)?.read()?;
    Success::of(&revisions::show(&view, args.deployment.as_ref(), &args.revision)?)
}
