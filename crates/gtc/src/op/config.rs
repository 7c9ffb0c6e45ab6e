//! `gtc op config`.

use clap::{Args, Subcommand};
use control::Handle;
use control::config::{self, ConfigFacts, Set, Unset, set_result, unset_result};
use deploy_spec::{EnvironmentId, Fault};
use serde_json::{Map, Value};
use serve::BundleConfig;
use store::EnvironmentStore;

use crate::globals::{Change, Globals, InEnvironment};
use crate::mutate::{Fields, mutate, values};
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Set values that revisions get from the next stage on; never secrets
    #[command(after_help = "Examples:
  gtc op config set greeting=hello retries=3
  gtc op config set local --deployment hello 'colours=[\"red\",\"blue\"]'")]
    Set(SetArgs),
    /// Take values away again, so that the layer below shows
    #[command(after_help = "Example:\n  gtc op config unset greeting --deployment hello")]
    Unset(UnsetArgs),
    /// Show the values, and which layer each comes from
    #[command(after_help = "Example:\n  gtc op config show local --deployment hello")]
    Show(ShowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The environment, if not local, then the values: a value that is no JSON is text
    #[arg(value_name = "[ENVIRONMENT] NAME=VALUE")]
    words: Vec<String>,
    /// Only for this deployment [default: for the whole environment]
    #[arg(long)]
    deployment: Option<Handle>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct UnsetArgs {
    /// The names
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The environment
    #[arg(long, value_name = "ENVIRONMENT")]
    env: Option<EnvironmentId>,
    /// Only for this deployment [default: for the whole environment]
    #[arg(long)]
    deployment: Option<Handle>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    at: InEnvironment,
    /// The values of this deployment [default: those of the whole environment]
    #[arg(long)]
    deployment: Option<Handle>,
}

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        match self {
            Self::Set(args) => ("set", set(globals, args)),
            Self::Unset(args) => ("unset", unset(globals, args)),
            Self::Show(args) => ("show", show(globals, &args)),
        }
    }
}

fn set(globals: &Globals, args: SetArgs) -> Result<Success, Fault> {
    let mut words = args.words.into_iter().peekable();
    let environment = words.next_if(|word| !word.contains('='));
    let pairs: Vec<String> = words.collect();
    let flags = Fields::default()
        .set("environment_id", environment)
        .text("deployment_id", args.deployment)
        .object("values", values("a value", &pairs)?);
    mutate::<Set>(globals, &args.change, flags.done(), |store, answers, _| {
        facts(store, answers.deployment_id.as_ref(), |view, bundle| {
            set_result(view, answers, Some(&bundle.declared()))
        })
    })
}

fn unset(globals: &Globals, args: UnsetArgs) -> Result<Success, Fault> {
    let flags = Fields::default()
        .text("environment_id", args.env)
        .text("deployment_id", args.deployment)
        .list("names", &args.names);
    mutate::<Unset>(globals, &args.change, flags.done(), |store, answers, _| {
        facts(store, answers.deployment_id.as_ref(), |view, bundle| {
            unset_result(view, answers, Some(&bundle.declared()))
        })
    })
}

/// What the bundle of the deployment's newest revision says of the values that would result.
fn facts(
    store: &EnvironmentStore,
    deployment: Option<&Handle>,
    result: impl FnOnce(&dyn control::View, &BundleConfig) -> Result<Map<String, Value>, Fault>,
) -> Result<ConfigFacts, Fault> {
    let view = store.read()?;
    let problems = match BundleConfig::of_newest(store, &view, deployment)? {
        Some(bundle) => bundle.problems(&result(&view, &bundle)?, "/values"),
        None => Vec::new(),
    };
    Ok(ConfigFacts { problems })
}

fn show(globals: &Globals, args: &ShowArgs) -> Result<Success, Fault> {
    let store = globals.readable(("config", "show"), &args.at.environment)?;
    let view = store.read()?;
    let bundle = BundleConfig::of_newest(&store, &view, args.deployment.as_ref())?;
    let declared = bundle.map(|bundle| bundle.declared());
    Success::of(&config::show(&view, args.deployment.as_ref(), declared.as_ref())?)
}
