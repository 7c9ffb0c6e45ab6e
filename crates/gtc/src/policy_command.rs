//! `gtc policy`.

use clap::{Args, Subcommand};
use control::VERBS;
use deploy_spec::{EnvironmentId, Fault};
use serve::ambient;

use crate::globals::Globals;
use crate::outcome::{Named, Success};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Explain whether somebody may do something, and what would permit it
    #[command(after_help = "Examples:
  gtc policy check env create prod-eu
  gtc policy check traffic set prod-eu --user ada --uid 1000")]
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The noun of the command
    noun: String,
    /// The verb of the command
    verb: String,
    /// The environment
    #[arg(default_value = "local")]
    environment: EnvironmentId,
    /// Who asks [default: the account that runs this]
    #[arg(long, requires = "uid")]
    user: Option<String>,
    /// The number of their account
    #[arg(long, requires = "user")]
    uid: Option<u32>,
}

impl Verb {
    pub(crate) fn run(self, globals: &Globals) -> (Named, Result<Success, Fault>) {
        let Self::Check(args) = self;
        (Named { noun: "policy", op: "check" }, check(globals, &args))
    }
}

fn check(globals: &Globals, args: &CheckArgs) -> Result<Success, Fault> {
    let of_noun = VERBS.iter().find(|(noun, ..)| *noun == args.noun);
    let (_, writes, reads) = of_noun.ok_or_else(|| {
        let nouns: Vec<&str> = VERBS.iter().map(|(noun, ..)| *noun).collect();
        let why = format!("there is no noun `{}`: choose from {}", args.noun, nouns.join(", "));
        Fault::invalid(why).at("/noun")
    })?;
    if !writes.iter().chain(*reads).any(|verb| *verb == args.verb) {
        let verbs = [*writes, *reads].concat().join(", ");
        let why = format!("`{}` has no verb `{}`: choose from {verbs}", args.noun, args.verb);
        return Err(Fault::invalid(why).at("/verb"));
    }
    let root = globals.root()?;
    let uid = args.uid.unwrap_or_else(ambient::own_uid);
    let mut actor = ambient::actor(uid);
    if let Some(user) = &args.user {
        actor.user.clone_from(user);
    }
    let words = (args.noun.as_str(), args.verb.as_str());
    Success::of(&serve::explain(root.path(), words, &args.environment, &actor))
}
