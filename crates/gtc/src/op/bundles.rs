//! `gtc op bundles`.

use clap::{Args, Subcommand};
use control::Handle;
use control::bundles::{self, Add};
use deploy_spec::Fault;
use serde_json::{Value, json};

use crate::globals::{Change, Globals, InEnvironment};
use crate::mutate::{Fields, mutate};
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Give a bundle a place in an environment
    #[command(after_help = "Examples:
  gtc op bundles add hello --host hello.localhost
  gtc op bundles add shop --host shop.test --path /cart --tenant acme
  gtc op bundles add --answers shop.yaml")]
    Add(Box<AddArgs>),
    /// List the deployments
    List(InEnvironment),
    /// Show one deployment, its revisions and its split
    #[command(after_help = "Example:\n  gtc op bundles show local hello")]
    Show(ShowArgs),
}

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct AddArgs {
    /// The environment [default: local]
    environment: Option<String>,
    /// The bundle's name
    bundle: Option<String>,
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
    #[command(flatten)]
    change: Change,
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
            Self::List(at) => ("list", list(globals, &at)),
            Self::Show(args) => ("show", show(globals, &args)),
        }
    }
}

fn add(globals: &Globals, args: AddArgs) -> Result<Success, Fault> {
    // With one word only, that word is the bundle.
    let (environment, bundle) = match (args.environment, args.bundle) {
        (Some(bundle), None) => (None, Some(bundle)),
        both => both,
    };
    let route =
        Fields::default().list("hosts", &args.host).list("path_prefixes", &args.path).object(
            "tenant_selector",
            Fields::default().set("tenant", args.tenant).set("team", args.team),
        );
    let mut config = Fields::default();
    for pair in &args.config {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Fault::invalid(format!("--config {pair}: a name, `=` and a value are wanted"))
                .at("/config")
        })?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
        config = config.set(name, Some(value));
    }
    let flags = Fields::default()
        .set("environment_id", environment)
        .set("bundle_id", bundle)
        .set("customer_id", args.customer)
        .object("route_binding", route)
        .set("session", args.session.map(|source| session(&source)))
        .object("config", config);
    mutate::<Add>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
}

fn session(source: &str) -> Value {
    match source.split_once(':') {
        Some(("header", name)) => json!({"header": name}),
        _ => json!(source),
    }
}

fn list(globals: &Globals, at: &InEnvironment) -> Result<Success, Fault> {
    let view = globals.store(&at.environment)?.read()?;
    Success::of(&bundles::list(&view)?)
}

fn show(globals: &Globals, args: &ShowArgs) -> Result<Success, Fault> {
    let view = globals.store(&args.environment)?.read()?;
    Success::of(&bundles::show(&view, args.deployment.as_ref())?)
}
