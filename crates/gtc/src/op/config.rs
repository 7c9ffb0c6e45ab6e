//! `gtc op config`.

use clap::{Args, Subcommand};
use control::config::{self, ConfigFacts, Declared, Set, Unset, set_result, unset_result};
use control::{Handle, View, resolve_deployment};
use deploy_spec::{BundleId, EnvironmentId, Fault};
use migrate::config::legacy_config;
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
        let view = store.read()?;
        let said = Said::of(globals, store, &view, answers.deployment_id.as_ref())?;
        said.facts(|declared| set_result(&view, answers, declared))
    })
}

fn unset(globals: &Globals, args: UnsetArgs) -> Result<Success, Fault> {
    let flags = Fields::default()
        .text("environment_id", args.env)
        .text("deployment_id", args.deployment)
        .list("names", &args.names);
    mutate::<Unset>(globals, &args.change, flags.done(), |store, answers, _| {
        let view = store.read()?;
        let said = Said::of(globals, store, &view, answers.deployment_id.as_ref())?;
        said.facts(|declared| unset_result(&view, answers, declared))
    })
}

fn show(globals: &Globals, args: &ShowArgs) -> Result<Success, Fault> {
    let store = globals.readable(("config", "show"), &args.at.environment)?;
    let view = store.read()?;
    let said = Said::of(globals, &store, &view, args.deployment.as_ref())?;
    Success::of(&config::show(&view, args.deployment.as_ref(), said.declared.as_ref())?)
}

/// What is said of a deployment's configuration outside the records.
#[derive(Default)]
struct Said {
    bundle: Option<BundleConfig>,
    declared: Option<Declared>,
}

impl Said {
    /// By the bundle of its newest revision, and by an older install. Nothing of no deployment.
    fn of(
        globals: &Globals,
        store: &EnvironmentStore,
        view: &dyn View,
        deployment: Option<&Handle>,
    ) -> Result<Self, Fault> {
        let Some(_) = deployment else { return Ok(Self::default()) };
        let bundle = BundleConfig::of_newest(store, view, deployment)?;
        let bundle_id = resolve_deployment(view, deployment)?.deployment.bundle_id;
        let declared = bundle.as_ref().map(BundleConfig::declared).unwrap_or_default();
        let legacy = legacy(globals, store, &bundle_id)?;
        Ok(Self { bundle, declared: Some(Declared { legacy, ..declared }) })
    }

    /// What the bundle says of the values that would result.
    fn facts(
        &self,
        result: impl FnOnce(Option<&Declared>) -> Result<Map<String, Value>, Fault>,
    ) -> Result<ConfigFacts, Fault> {
        let problems = match &self.bundle {
            Some(bundle) => bundle.problems(&result(self.declared.as_ref())?, "/values"),
            None => Vec::new(),
        };
        Ok(ConfigFacts { problems })
    }
}

/// What an older install kept for a bundle, which still counts; whoever types is told.
pub(super) fn legacy(
    globals: &Globals,
    store: &EnvironmentStore,
    bundle: &BundleId,
) -> Result<Map<String, Value>, Fault> {
    let Some(old) = legacy_config(&globals.home()?, store.id(), bundle)? else {
        return Ok(Map::new());
    };
    anstream::eprintln!("warning: {}", old.warning);
    Ok(old.config)
}
