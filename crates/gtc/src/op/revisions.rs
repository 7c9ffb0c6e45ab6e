//! `gtc op revisions`.

use clap::{Args, Subcommand};
use control::Handle;
use control::revisions::{self, Stage, Warm};
use deploy_spec::{EnvironmentId, Fault, document};
use serde_json::{Map, Value, json};
use serve::staging::{Mode, stage_facts};
use serve::{admin_socket, ambient, client};
use store::EnvironmentStore;
use workload::{Engine, EngineSettings};

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
            Self::List(args) => ("list", list(globals, &args)),
            Self::Show(args) => ("show", show(globals, &args)),
        }
    }
}

/// The environment and the last word; with one word only, that word is the last.
fn environment_and(words: Vec<String>) -> (Option<String>, Option<String>) {
    let mut words = words.into_iter().rev();
    let last = words.next();
    (words.next(), last)
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
