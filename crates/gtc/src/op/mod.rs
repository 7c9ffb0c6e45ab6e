//! `gtc op NOUN VERB`.

mod audit;
mod backups;
mod bundles;
mod config;
mod credentials;
mod env;
mod env_packs;
mod revisions;
mod secrets;
mod traffic;
mod trust;
mod usage;

use clap::Subcommand;
use deploy_spec::Fault;

use crate::globals::Globals;
use crate::outcome::{Named, Success};

#[cfg(unix)]
pub(crate) use revisions::{engine_settings, take_in};
pub(crate) use secrets::put_secret;

#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// Environments: the places you deploy to
    #[command(subcommand)]
    Env(env::Verb),
    /// Env-packs: what an environment is bound to
    #[command(subcommand)]
    EnvPacks(env_packs::Verb),
    /// Bundles: what is deployed, and where it answers
    #[command(subcommand)]
    Bundles(bundles::Verb),
    /// Revisions: immutable versions, and the proof that they may serve
    #[command(subcommand)]
    Revisions(revisions::Verb),
    /// Traffic: the dial that says which revision serves how much
    #[command(subcommand)]
    Traffic(traffic::Verb),
    /// Config: non-secret values, in layers
    #[command(subcommand)]
    Config(config::Verb),
    /// Credentials: what the deployer of an environment signs in with
    #[command(subcommand)]
    Credentials(credentials::Verb),
    /// Secrets: values that are sealed, and that nobody is shown
    #[command(subcommand)]
    Secrets(secrets::Verb),
    /// Trust: whose signatures on bundles count
    #[command(subcommand)]
    Trust(trust::Verb),
    /// Audit: who did what, and the proof that nobody changed the log
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Backups: a whole environment in a file, and back
    #[command(subcommand)]
    Backups(backups::Verb),
    /// Usage: how many requests were answered, and for whom
    #[command(subcommand)]
    Usage(usage::Verb),
}

impl Noun {
    pub(crate) fn run(self, globals: &Globals) -> (Named, Result<Success, Fault>) {
        let (noun, (op, ended)) = match self {
            Self::Env(verb) => ("env", verb.run(globals)),
            Self::EnvPacks(verb) => ("env-packs", verb.run(globals)),
            Self::Bundles(verb) => ("bundles", verb.run(globals)),
            Self::Revisions(verb) => ("revisions", verb.run(globals)),
            Self::Traffic(verb) => ("traffic", verb.run(globals)),
            Self::Config(verb) => ("config", verb.run(globals)),
            Self::Credentials(verb) => ("credentials", verb.run(globals)),
            Self::Secrets(verb) => ("secrets", verb.run(globals)),
            Self::Trust(verb) => ("trust", verb.run(globals)),
            Self::Audit(verb) => ("audit", verb.run(globals)),
            Self::Backups(verb) => ("backups", verb.run(globals)),
            Self::Usage(verb) => ("usage", verb.run(globals)),
        };
        (Named { noun, op }, ended)
    }
}

/// The environment and the last word; with one word only, that word is the last.
fn environment_and(words: Vec<String>) -> (Option<String>, Option<String>) {
    let mut words = words.into_iter().rev();
    let last = words.next();
    (words.next(), last)
}
