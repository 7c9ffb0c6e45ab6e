//! `gtc op revisions`.

use clap::{Args, Subcommand};
use control::Handle;
use control::Verb as _;
use control::revisions::{self, Archive, Drain, DrainFacts, Prune, Retry, Stage, Warm};
use deploy_spec::{EnvironmentId, Fault, document};
use serde_json::{Map, Value, json};
use serve::staging::{Mode, stage_facts};
use serve::{admin_socket, ambient, client, is_served};
use store::EnvironmentStore;
use workload::{Engine, EngineSettings};

use super::environment_and;
use crate::answers;
use crate::globals::{Change, Globals, InEnvironment};
use crate::mutate::{Asked, Fields, Intent, ask, mutate};
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Pin a bundle as the next revision of a deployment
    #[command(after_help = "Examples:
  gtc op revisions stage hello.gtbundle
  gtc op revisions stage local hello.gtbundle --deployment hello --drain-seconds 60")]
    Stage(StageArgs),
    /// Prove that a revision may serve: digest, signature, packs, config, secrets, readiness
    #[command(after_help = "Examples:
  gtc op revisions warm r2
  gtc op revisions warm hello/r2")]
    Warm(WarmArgs),
    /// Take a revision without traffic out of service; what it is answering is finished first
    #[command(after_help = "Example:\n  gtc op revisions drain hello/r1")]
    Drain(MoveArgs),
    /// Bring a failed or drained revision back to staged, to be warmed again
    #[command(after_help = "Example:\n  gtc op revisions retry hello/r1")]
    Retry(MoveArgs),
    /// Put a revision away for good
    #[command(after_help = "Example:\n  gtc op revisions archive hello/r1")]
    Archive(MoveArgs),
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
}

#[derive(Debug, Args)]
pub(crate) struct StageArgs {
    /// The environment, if not local, then the bundle: a file, file://PATH or sha256:DIGEST
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
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct WarmArgs {
    /// The environment, if not local, then the revision: an id, a prefix, r2 or hello/r2
    #[arg(value_name = "[ENVIRONMENT] REVISION", num_args = 0..=2)]
    words: Vec<String>,
    /// The deployment, where the revision could be several
    #[arg(long)]
    deployment: Option<Handle>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct MoveArgs {
    /// The environment, if not local, then the revision: an id, a prefix, r2 or hello/r2
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
            Self::Warm(args) => ("warm", warm(globals, args)),
            Self::Drain(args) => (Drain::OP, drain(globals, args)),
            Self::Retry(args) => {
                let (flags, change) = args.split();
                (Retry::OP, mutate::<Retry>(globals, &change, flags, |_, _, _| Ok(())))
            }
            Self::Archive(args) => {
                let (flags, change) = args.split();
                (Archive::OP, mutate::<Archive>(globals, &change, flags, |_, _, _| Ok(())))
            }
            Self::Prune(args) => (Prune::OP, prune(globals, &args)),
            Self::List(args) => ("list", list(globals, &args)),
            Self::Show(args) => ("show", show(globals, &args)),
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
    mutate::<Prune>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
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
        stage_facts(store, answers, mode)
    })
}

fn warm(globals: &Globals, args: WarmArgs) -> Result<Success, Fault> {
    let (environment, revision) = environment_and(args.words);
    let flags = Fields::default()
        .set("environment_id", environment)
        .text("deployment_id", args.deployment)
        .set("revision_id", revision)
        .done();
    let (call, store) = match ask::<Warm>(globals, &args.change, flags.clone())? {
        Asked::Print(success) => return Ok(success),
        Asked::Call(call, store) => (call, store),
    };
    if args.change.dry_run {
        return rehearse(&store, &call.answers);
    }
    if let Some(success) = in_data_plane(&store, &args.change, flags)? {
        return Ok(success);
    }
    let context = ambient::context(ambient::own_uid(), &call.environment_id)?;
    let engine = || Engine::new(engine_settings(&store));
    Success::of_reply(serve::warm(&store, engine, None, &call, &context)?.reply)
}

/// The gate, run and not written down.
fn rehearse(store: &EnvironmentStore, answers: &revisions::WarmAnswers) -> Result<Success, Fault> {
    use control::Lookup as _;
    let (revision, environment) = {
        let view = store.read()?;
        (revisions::subject(&view, answers)?, view.environment()?)
    };
    let proof =
        serve::gate::prove(store, &Engine::new(engine_settings(store))?, &environment, &revision);
    Success::of(&json!({
        "dry_run": true,
        "revision_id": revision.revision_id,
        "ready": proof.workload.is_some(),
        "gate": proof.gate,
    }))
}

/// A running data plane proves a revision in the process that will serve it.
fn in_data_plane(
    store: &EnvironmentStore,
    change: &Change,
    flags: Map<String, Value>,
) -> Result<Option<Success>, Fault> {
    let document = answers::document(change, flags)?;
    let socket = admin_socket(store.folder());
    let reply = client::ask(&socket, "POST", "/deployments/warm", document::to_line(&document))?;
    reply.map(Success::of_reply).transpose()
}

/// Compiled code is kept with the environment, so that the next process finds it.
pub(crate) fn engine_settings(store: &EnvironmentStore) -> EngineSettings {
    EngineSettings {
        cache_dir: Some(store.folder().join("run/cache")),
        ..EngineSettings::default()
    }
}

fn list(globals: &Globals, args: &ListArgs) -> Result<Success, Fault> {
    let view = globals.store(&args.at.environment)?.read()?;
    Success::of(&revisions::list(&view, args.deployment.as_ref())?)
}

fn show(globals: &Globals, args: &ShowArgs) -> Result<Success, Fault> {
    let view = globals.store(&args.environment)?.read()?;
    Success::of(&revisions::show(&view, args.deployment.as_ref(), &args.revision)?)
}
