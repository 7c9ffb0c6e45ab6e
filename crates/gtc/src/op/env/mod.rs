//! `gtc op env`.

mod doctor;
#[cfg_attr(windows, path = "migrate_old/elsewhere.rs")]
mod migrate_old;
mod tools;

pub(crate) use doctor::doctor;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use control::env::{self, Create, Destroy, Init, InitFacts, Update};
use deploy_spec::{EnvironmentId, Fault, Kind, document};
use serde_json::json;
use store::EnvironmentStore;

use crate::globals::{Change, Globals, InEnvironment, Paged};
use crate::mutate::{Fields, Intent, mutate};
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make `local`, or add what is missing of it
    #[command(after_help = "Example:\n  gtc op env init")]
    Init(InitArgs),
    /// Make another environment
    #[command(after_help = "Example:\n  gtc op env create prod-eu --name 'Production, Europe'")]
    Create(CreateArgs),
    /// Change an environment's name, or what its data plane tells the world
    #[command(after_help = "Examples:
  gtc op env update local --name 'My laptop'
  gtc op env update local --trusted-peer 10.0.0.7 --revision-header false")]
    Update(UpdateArgs),
    /// Take an environment away that has no deployments any more; its audit log stays
    #[command(after_help = "Example:\n  gtc op env destroy staging --confirm staging")]
    Destroy(DestroyArgs),
    /// Call `local` what an older install called `dev`; what cannot be rewritten goes on by an alias
    #[command(after_help = "Examples:
  gtc op env migrate-dev local --check
  gtc op env migrate-dev local --path ./my-project")]
    MigrateDev(migrate_old::DevArgs),
    /// Move the state tree of an older install below the environment, once
    #[command(after_help = "Examples:
  gtc op env migrate-state local --check
  gtc op env migrate-state local --from ./my-project")]
    MigrateState(migrate_old::StateArgs),
    /// List the environments
    List,
    /// Show all that an environment holds
    #[command(after_help = "Example:\n  gtc op env show local --limit 10")]
    Show(ShowArgs),
    /// Look at everything, and say what to type where something is wrong
    #[command(after_help = "Example:\n  gtc op env doctor local")]
    Doctor(InEnvironment),
    /// Check the tools of this machine that the bound env-packs call: presence, version, login
    #[command(after_help = "Example:\n  gtc op env tool-check prod-eu --deadline 30")]
    ToolCheck(tools::ToolCheckArgs),
    /// Print what a data plane serves from, as one document
    #[command(
        after_help = "Example:\n  gtc op env render local --output runtime-config.json\n  gtc start --config runtime-config.json"
    )]
    Render(RenderArgs),
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// The environment to make
    environment: Option<EnvironmentId>,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateArgs {
    /// The environment [default: local]
    environment: Option<EnvironmentId>,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// Whether responses carry x-greentic-revision
    #[arg(long, value_name = "BOOL")]
    revision_header: Option<bool>,
    /// A peer whose forwarding and forcing headers are believed; may be given again
    #[arg(long, value_name = "ADDRESS")]
    trusted_peer: Vec<std::net::IpAddr>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct DestroyArgs {
    /// The environment
    environment: Option<EnvironmentId>,
    /// Its name once more
    #[arg(long, value_name = "ENVIRONMENT")]
    confirm: Option<String>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    at: InEnvironment,
    #[command(flatten)]
    paged: Paged,
}

#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    at: InEnvironment,
    /// Write the document to this file, replacing it as a whole
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        match self {
            Self::Init(args) => ("init", init(globals, &args)),
            Self::Create(args) => ("create", create(globals, args)),
            Self::Update(args) => ("update", update(globals, args)),
            Self::Destroy(args) => ("destroy", destroy(globals, args)),
            Self::MigrateDev(args) => ("migrate-dev", migrate_old::dev(globals, args)),
            Self::MigrateState(args) => ("migrate-state", migrate_old::state(globals, &args)),
            Self::List => ("list", list(globals)),
            Self::Show(args) => ("show", show(globals, &args)),
            Self::Doctor(at) => ("doctor", doctor(globals, &at)),
            Self::ToolCheck(args) => ("tool-check", tools::tool_check(globals, &args)),
            Self::Render(args) => ("render", render(globals, &args)),
        }
    }
}

fn init(globals: &Globals, args: &InitArgs) -> Result<Success, Fault> {
    mutate::<Init>(globals, &args.change, Fields::default().done(), |store, _, intent| {
        own_key(store, intent)
    })
}

/// The key with which this machine signs; a rehearsal of the first `init` shows a throw-away one.
fn own_key(store: &EnvironmentStore, intent: Intent) -> Result<InitFacts, Fault> {
    let key = if intent == Intent::Commit || store.exists() {
        serve::own_signing_key(store)?
    } else {
        bundle::sign::SigningKey::create()?
    };
    Ok(InitFacts { own_key: key.trusted() })
}

fn create(globals: &Globals, args: CreateArgs) -> Result<Success, Fault> {
    let flags = Fields::default().text("environment_id", args.environment).set("name", args.name);
    mutate::<Create>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
}

fn update(globals: &Globals, args: UpdateArgs) -> Result<Success, Fault> {
    let host_config = Fields::default()
        .set("revision_header", args.revision_header)
        .list("trusted_peers", &args.trusted_peer);
    let flags = Fields::default()
        .text("environment_id", args.environment)
        .set("name", args.name)
        .object("host_config", host_config);
    mutate::<Update>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
}

fn destroy(globals: &Globals, args: DestroyArgs) -> Result<Success, Fault> {
    let flags =
        Fields::default().text("environment_id", args.environment).set("confirm", args.confirm);
    mutate::<Destroy>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
}

fn list(globals: &Globals) -> Result<Success, Fault> {
    let root = globals.root()?;
    let mut environments = Vec::new();
    let mut problems = Vec::new();
    for id in root.environments()? {
        let summary = globals
            .readable(("env", "list"), &id)
            .and_then(|store| store.read())
            .and_then(|view| env::list(&view));
        match summary {
            Ok(summary) => environments.push(summary),
            Err(fault) if fault.kind == Kind::NotFound => {}
            // One broken environment never hides the others.
            Err(fault) => problems.push(json!({"environment_id": id, "problem": fault.message})),
        }
    }
    let mut result = json!({"environments": environments});
    if !problems.is_empty() {
        result["problems"] = problems.into();
    }
    Success::of(&result)
}

fn show(globals: &Globals, args: &ShowArgs) -> Result<Success, Fault> {
    let view = globals.readable(("env", "show"), &args.at.environment)?.read()?;
    Success::of(&env::show(&view, args.paged.page())?)
}

fn render(globals: &Globals, args: &RenderArgs) -> Result<Success, Fault> {
    let view = globals.readable(("env", "render"), &args.at.environment)?.read()?;
    let config = env::render(&view)?;
    let Some(file) = &args.output else { return Ok(Success::Document(json!(config))) };
    let mut text = document::to_line(&config);
    text.push(b'\n');
    replace_file(file, &text).map_err(|error| {
        Fault::unavailable(format!("writing `{}` failed: {error}", file.display()))
    })?;
    Success::of(&json!({
        "path": file,
        "environment_id": config.environment_id,
        "generation": config.generation,
        "deployment_count": config.deployments.len(),
    }))
}

fn replace_file(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = file.file_name().ok_or(std::io::ErrorKind::InvalidInput)?;
    let draft = file.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let write = || {
        std::fs::write(&draft, bytes)?;
        std::fs::File::open(&draft)?.sync_all()?;
        std::fs::rename(&draft, file)
    };
    write().inspect_err(|_| {
        let _ = std::fs::remove_file(&draft);
    })
}
