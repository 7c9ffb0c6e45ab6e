//! `gtc op bundles`.

use clap::{Args, Subcommand};
use control::Handle;
use control::bundles::{self, Add, Pause, Remove, Resume, Update};
use deploy_spec::Fault;
use serde_json::{Map, Value, json};

use super::environment_and;
use crate::globals::{Change, Globals, InEnvironment, Paged};
use crate::mutate::{Fields, mutate, values};
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Give a bundle a place in an environment
    #[command(after_help = "Examples:
  gtc op bundles add hello --host hello.localhost
  gtc op bundles add shop --host shop.test --path /cart --tenant acme
  gtc op bundles add --answers shop.yaml")]
    Add(Box<AddArgs>),
    /// Change where a deployment answers, or what else was said when it was added
    #[command(after_help = "Examples:
  gtc op bundles update hello --host hello.localhost --host www.hello.localhost
  gtc op bundles update hello --session none")]
    Update(Box<UpdateArgs>),
    /// Let a deployment answer 503, keeping all that it has
    #[command(after_help = "Example:\n  gtc op bundles pause hello")]
    Pause(WhichArgs),
    /// Let a paused deployment answer again
    #[command(after_help = "Example:\n  gtc op bundles resume hello")]
    Resume(WhichArgs),
    /// Take a deployment away that is paused or off the air; its routes are free at once
    #[command(after_help = "Examples:
  gtc op traffic clear --deployment hello
  gtc op bundles remove hello")]
    Remove(WhichArgs),
    /// List the deployments
    #[command(after_help = "Examples:\n  gtc op bundles list\n  gtc op bundles list --retired")]
    List(ListArgs),
    /// Show one deployment, its revisions and its split
    #[command(after_help = "Example:\n  gtc op bundles show local hello")]
    Show(ShowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The environment, if not local, then the bundle's name
    #[arg(value_name = "[ENVIRONMENT] BUNDLE", num_args = 0..=2)]
    words: Vec<String>,
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The environment, if not local, then the deployment: an id, a prefix, or a bundle's name
    #[arg(value_name = "[ENVIRONMENT] DEPLOYMENT", num_args = 0..=2)]
    words: Vec<String>,
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct WhichArgs {
    /// The environment, if not local, then the deployment: an id, a prefix, or a bundle's name
    #[arg(value_name = "[ENVIRONMENT] DEPLOYMENT", num_args = 0..=2)]
    words: Vec<String>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    at: InEnvironment,
    /// Those that were removed, instead of those that are there
    #[arg(long)]
    retired: bool,
    #[command(flatten)]
    paged: Paged,
}

/// What is said of a deployment.
#[derive(Debug, Args)]
struct Said {
    /// Who it is run for; required outside `local`
    #[arg(long, value_name = "CUSTOMER")]
    customer: Option<String>,
    /// A host it answers; may be given again [default: any host]
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,
    /// A path prefix it answers; may be given again [default: /]
    #[arg(long, value_name = "PREFIX")]
    path: Vec<String>,
    /// The tenant it answers (header x-greentic-tenant)
    #[arg(long)]
    tenant: Option<String>,
    /// The team of the tenant (header x-greentic-team)
    #[arg(long, requires = "tenant")]
    team: Option<String>,
    /// Where a session's identity comes from: cookie, none or header:NAME [default: cookie]
    #[arg(long, value_name = "SOURCE")]
    session: Option<String>,
    /// A value that overrides the bundle's default, as NAME=JSON or NAME=TEXT; may be given again
    #[arg(long, value_name = "NAME=VALUE")]
    config: Vec<String>,
}

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct ShowArgs {
    /// The environment
    #[arg(default_value = "local")]
    environment: deploy_spec::EnvironmentId,
    /// The deployment: an id, a prefix of one, or a bundle's name
    deployment: Option<Handle>,
}

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        match self {
            Self::Add(args) => ("add", add(globals, *args)),
            Self::Update(args) => ("update", update(globals, *args)),
            Self::Pause(args) => {
                let (flags, change) = args.split();
                ("pause", mutate::<Pause>(globals, &change, flags, |_, _, _| Ok(())))
            }
            Self::Resume(args) => {
                let (flags, change) = args.split();
                ("resume", mutate::<Resume>(globals, &change, flags, |_, _, _| Ok(())))
            }
            Self::Remove(args) => {
                let (flags, change) = args.split();
                ("remove", mutate::<Remove>(globals, &change, flags, |_, _, _| Ok(())))
            }
            Self::List(args) => ("list", list(globals, &args)),
            Self::Show(args) => ("show", show(globals, &args)),
        }
    }
}

fn add(globals: &Globals, args: AddArgs) -> Result<Success, Fault> {
    let (environment, bundle) = environment_and(args.words);
    let named = Fields::default().set("environment_id", environment).set("bundle_id", bundle);
    let flags = args.said.fields(named)?.done();
    mutate::<Add>(globals, &args.change, flags, |_, _, _| Ok(()))
}

fn update(globals: &Globals, args: UpdateArgs) -> Result<Success, Fault> {
    let (environment, which) = environment_and(args.words);
    let named = Fields::default().set("environment_id", environment).set("deployment_id", which);
    let flags = args.said.fields(named)?.done();
    mutate::<Update>(globals, &args.change, flags, |_, _, _| Ok(()))
}

impl WhichArgs {
    fn split(self) -> (Map<String, Value>, Change) {
        let (environment, which) = environment_and(self.words);
        let flags = Fields::default().set("environment_id", environment);
        (flags.set("deployment_id", which).done(), self.change)
    }
}

impl Said {
    /// The fields that the flags give, on top of those that name the deployment.
    fn fields(self, named: Fields) -> Result<Fields, Fault> {
        let route =
            Fields::default().list("hosts", &self.host).list("path_prefixes", &self.path).object(
                "tenant_selector",
                Fields::default().set("tenant", self.tenant).set("team", self.team),
            );
        let config = values("--config", &self.config)?;
        Ok(named
            .set("customer_id", self.customer)
            .object("route_binding", route)
            .set("session", self.session.map(|source| session(&source)))
            .object("config", config))
    }
}

fn session(source: &str) -> Value {
    match source.split_once(':') {
        Some(("header", name)) => json!({"header": name}),
        _ => json!(source),
    }
}

fn list(globals: &Globals, args: &ListArgs) -> Result<Success, Fault> {
    let view = globals.readable(("bundles", "list"), &args.at.environment)?.read()?;
    let list = if args.retired { bundles::list_retired } else { bundles::list };
    Success::of(&list(&view, args.paged.page())?)
}

fn show(globals: &Globals, args: &ShowArgs) -> Result<Success, Fault> {
    let view = globals.readable(("bundles", "show"), &args.environment)?.read()?;
    Success::of(&bundles::show(&view, args.deployment.as_ref())?)
}
