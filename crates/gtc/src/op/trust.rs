//! `gtc op trust`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use control::Verb as _;
use control::trust::{self, Add, Revoke, Threshold};
use deploy_spec::{Digest, EnvironmentId, Fault, Timestamp};
use serve::ambient;

use super::environment_and;
use crate::globals::{Change, Globals, InEnvironment};
use crate::instant::instant;
use crate::mutate::{Fields, mutate};
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Accept the signatures of a key, or change from when and until when they count
    #[command(after_help = "Examples:
  gtc op trust add prod-eu --key release.pub
  gtc op trust add prod-eu --key release.pub --not-after 2027-01-01T00:00:00Z")]
    Add(AddArgs),
    /// Accept a key's signatures no more, or a bundle whoever signed it; what serves goes on
    #[command(after_help = "Examples:
  gtc op trust revoke prod-eu 3f9a
  gtc op trust revoke prod-eu --bundle sha256:…")]
    Revoke(RevokeArgs),
    /// Say how many keys must have signed a bundle
    #[command(after_help = "Example:\n  gtc op trust threshold prod-eu 2")]
    Threshold(ThresholdArgs),
    /// List the keys, and whether their signatures count now
    List(InEnvironment),
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The environment [default: local]
    environment: Option<EnvironmentId>,
    /// The file that holds the public key, in PEM
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Its signatures do not count before this time
    #[arg(long, value_name = "TIME", value_parser = instant)]
    not_before: Option<Timestamp>,
    /// Its signatures do not count from this time on
    #[arg(long, value_name = "TIME", value_parser = instant)]
    not_after: Option<Timestamp>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The environment, if not local, then the key: its id, or the beginning of it
    #[arg(value_name = "[ENVIRONMENT] KEY", num_args = 0..=2)]
    words: Vec<String>,
    /// A bundle, instead of a key
    #[arg(long, value_name = "DIGEST")]
    bundle: Option<Digest>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, Args)]
pub(crate) struct ThresholdArgs {
    /// The environment, if not local, then how many
    #[arg(value_name = "[ENVIRONMENT] N", num_args = 0..=2)]
    words: Vec<String>,
    #[command(flatten)]
    change: Change,
}

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        match self {
            Self::Add(args) => (Add::OP, add(globals, &args)),
            Self::Revoke(args) => (Revoke::OP, revoke(globals, args)),
            Self::Threshold(args) => (Threshold::OP, threshold(globals, args)),
            Self::List(at) => ("list", list(globals, &at)),
        }
    }
}

fn add(globals: &Globals, args: &AddArgs) -> Result<Success, Fault> {
    let key = args.key.as_ref().map(|file| {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Fault::invalid(format!("`{}` cannot be read: {error}", file.display()))
        })?;
        bundle::sign::public_key_from_pem(&text)
    });
    let flags = Fields::default()
        .text("environment_id", args.environment.as_ref())
        .set("public_key", key.transpose()?.map(|key| key.public_key))
        .text("not_before", args.not_before)
        .text("not_after", args.not_after);
    mutate::<Add>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
}

fn revoke(globals: &Globals, args: RevokeArgs) -> Result<Success, Fault> {
    // With a bundle, the only word there can be is the environment.
    let (environment, key) = match (&args.bundle, environment_and(args.words)) {
        (Some(_), (None, environment)) => (environment, None),
        (_, both) => both,
    };
    let flags = Fields::default()
        .set("environment_id", environment)
        .set("key_id", key)
        .text("bundle_digest", args.bundle);
    mutate::<Revoke>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
}

fn threshold(globals: &Globals, args: ThresholdArgs) -> Result<Success, Fault> {
    let (environment, count) = environment_and(args.words);
    let count = count.map(|count| {
        count
            .parse::<u32>()
            .map_err(|_| Fault::invalid(format!("`{count}` is no number")).at("/threshold"))
    });
    let flags =
        Fields::default().set("environment_id", environment).set("threshold", count.transpose()?);
    mutate::<Threshold>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
}

fn list(globals: &Globals, at: &InEnvironment) -> Result<Success, Fault> {
    let view = globals.readable(("trust", "list"), &at.environment)?.read()?;
    Success::of(&trust::list(&view, ambient::now())?)
}
