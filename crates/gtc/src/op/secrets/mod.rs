//! `gtc op secrets`.

mod put;

pub(crate) use put::put_secret;
pub(super) use put::{erase, forget_unneeded};

use std::io::{IsTerminal as _, Write as _};

use clap::{Args, Subcommand};
use control::secrets::{self, Delete, Put, Rotate};
use control::{Page, Verb as _};
use deploy_spec::{EnvironmentId, Fault, SecretPath};
use serve::DevStore;

use super::environment_and;
use crate::globals::{Change, Globals, InEnvironment};
use crate::mutate::{Fields, mutate};
use crate::outcome::Success;
use put::{PutArgs, put};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Give a secret a value: from standard input, a private file or an environment variable
    #[command(after_help = "Examples:
  gtc op secrets put hello/api_key < key.txt
  gtc op secrets put hello/api_key --from-file key.txt
  gtc op secrets put prod-eu hello/api_key --from-env API_KEY")]
    Put(PutArgs),
    /// Give a secret that exists a new value, for revisions that are warmed from now on
    #[command(after_help = "Example:\n  gtc op secrets rotate hello/api_key --from-file key.txt")]
    Rotate(PutArgs),
    /// Remove a secret and its values
    #[command(after_help = "Example:\n  gtc op secrets delete hello/api_key")]
    Delete(DeleteArgs),
    /// List names, versions, who and when; never values
    List(ListArgs),
    /// Print a value to a terminal, or anywhere with --reveal
    #[command(after_help = "Example:\n  gtc op secrets get hello/api_key --reveal | wc -c")]
    Get(GetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The environment, if not local, then the secret
    #[arg(value_name = "[ENVIRONMENT] SECRET", num_args = 0..=2)]
    words: Vec<String>,
    /// Also when a revision still reads it, which then cannot be loaded again
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    at: InEnvironment,
    /// How many secrets to show at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    /// Begin behind this secret
    #[arg(long, value_name = "SECRET")]
    after: Option<SecretPath>,
}

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct GetArgs {
    /// The environment
    #[arg(default_value = "local")]
    environment: EnvironmentId,
    /// The secret
    secret: SecretPath,
    /// Print it although nobody looks at a terminal
    #[arg(long)]
    reveal: bool,
}

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        match self {
            Self::Put(args) => (Put::OP, put::<Put>(globals, &args)),
            Self::Rotate(args) => (Rotate::OP, put::<Rotate>(globals, &args)),
            Self::Delete(args) => (Delete::OP, delete(globals, args)),
            Self::List(args) => ("list", list(globals, args)),
            Self::Get(args) => ("get", get(globals, &args)),
        }
    }
}

pub(super) fn parse<T: std::str::FromStr<Err = String>>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(Fault::invalid)
}

fn delete(globals: &Globals, args: DeleteArgs) -> Result<Success, Fault> {
    let (environment, path) = environment_and(args.words);
    let at: EnvironmentId = parse(environment.as_deref().unwrap_or("local"))?;
    let flags = Fields::default()
        .set("environment_id", environment)
        .set("path", path)
        .set("force", args.force.then_some(true));
    let done = mutate::<Delete>(globals, &args.change, flags.done(), |_, _, _| Ok(()))?;
    if !args.change.dry_run && !args.change.schema && !args.change.print_answers {
        erase(&DevStore::open(&globals.store(&at)?)?, &done);
    }
    Ok(done)
}

fn list(globals: &Globals, args: ListArgs) -> Result<Success, Fault> {
    let ListArgs { at, limit, after } = args;
    let view = globals.readable(("secrets", "list"), &at.environment)?.read()?;
    Success::of(&secrets::list(&view, &Page { limit, after })?)
}

/// The value alone, so that it can be piped; a terminal gets a line of its own.
fn get(globals: &Globals, args: &GetArgs) -> Result<Success, Fault> {
    let store = globals.readable(("secrets", "get"), &args.environment)?;
    let mut out = std::io::stdout().lock();
    if !args.reveal && !out.is_terminal() {
        return Err(Fault::refused("a value is printed to a terminal only")
            .hint(format!("gtc op secrets get {} {} --reveal", args.environment, args.secret)));
    }
    let view = store.read()?;
    secrets::find(&view, &args.secret)?;
    let value = DevStore::open(&store)?.value(&view, &args.secret)?;
    let end: &[u8] = if out.is_terminal() { b"\n" } else { b"" };
    let _ =
        out.write_all(value.reveal()).and_then(|()| out.write_all(end)).and_then(|()| out.flush());
    Ok(Success::Silent)
}
