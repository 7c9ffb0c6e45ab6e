//! Options that every command has, and options that every mutation has.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Once;

use clap::{Args, ValueEnum};
use control::Page;
use deploy_spec::{DeploymentId, EnvironmentId, Fault, IdempotencyKey};
use migrate::alias;
use serve::ambient;
use store::{EnvironmentStore, Root};

use crate::environment;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// One JSON document; the default in a pipe.
    Json,
    /// The same as YAML.
    Yaml,
    /// For people; the default on a terminal.
    Table,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Globals {
    /// The folder of environments [default: $GREENTIC_HOME/environments, ~/.greentic/environments]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub store_root: Option<PathBuf>,
    /// How to print: json, yaml or table [default: table on a terminal, json in a pipe]
    #[arg(
        short = 'o',
        global = true,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    pub print: Option<Output>,
}

impl Globals {
    /// Whether results are for people, and not for programs.
    pub(crate) fn is_for_people(&self) -> bool {
        match self.print {
            Some(print) => print == Output::Table,
            None => std::io::stdout().is_terminal(),
        }
    }

    pub(crate) fn root(&self) -> Result<Root, Fault> {
        environment::store_root(self.store_root.clone()).map(Root::new)
    }

    pub(crate) fn store(&self, environment: &EnvironmentId) -> Result<EnvironmentStore, Fault> {
        Ok(self.root()?.environment(&self.meant(environment)?))
    }

    /// What an environment's name stands for: an older install may have called `local` `dev`.
    fn meant(&self, name: &EnvironmentId) -> Result<EnvironmentId, Fault> {
        static WARNED: Once = Once::new();
        let switch = environment::variable("GREENTIC_DISABLE_DEV_ALIAS");
        let switch = switch.as_ref().map(|value| value.to_string_lossy());
        let switch = alias::Switch::disabled_by(switch.as_deref());
        let resolved = alias::resolve(&self.root()?, name, switch)?;
        if let Some(warning) = &resolved.warning {
            WARNED.call_once(|| anstream::eprintln!("warning: {warning}"));
        }
        Ok(resolved.environment)
    }

    /// Where an older install kept everything: beside the environments.
    pub(crate) fn home(&self) -> Result<PathBuf, Fault> {
        let root = self.root()?;
        Ok(root.path().parent().unwrap_or(root.path()).to_owned())
    }

    /// The environment of the command `words` that only looks, when whoever types may give it.
    pub(crate) fn readable(
        &self,
        words: (&str, &str),
        environment: &EnvironmentId,
    ) -> Result<EnvironmentStore, Fault> {
        let store = self.store(environment)?;
        // That there is no such environment is what reading it will say.
        if store.exists() {
            serve::permit(&store, words, ambient::own_uid())?;
        }
        Ok(store)
    }
}

/// What every mutation takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every change")]
pub(crate) struct Change {
    /// Take the answers from a JSON or YAML file, `-` for standard input; flags override fields
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// Print the JSON Schema of the answers and stop
    #[arg(long)]
    pub schema: bool,
    /// Print the answers that the flags make and stop
    #[arg(long)]
    pub print_answers: bool,
    /// Print the transaction that would be committed, and commit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Fail with `conflict` unless the target has this generation
    #[arg(long, value_name = "N")]
    pub expected_generation: Option<u64>,
    /// Make a retry safe: the same key is answered the same
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Which part of a long list of deployments.
#[derive(Debug, Clone, Args)]
pub(crate) struct Paged {
    /// How many deployments to show at most
    #[arg(long, default_value_t = Page::<DeploymentId>::default().limit, value_name = "N")]
    limit: usize,
    /// Begin behind this deployment
    #[arg(long, value_name = "DEPLOYMENT")]
    after: Option<DeploymentId>,
}

impl Paged {
    pub(crate) const fn page(&self) -> Page {
        Page { limit: self.limit, after: self.after }
    }
}

/// The environment, as a positional argument.
#[derive(Debug, Clone, Args)]
pub(crate) struct InEnvironment {
    /// The environment
    #[arg(value_name = "ENVIRONMENT", default_value = "local")]
    pub environment: EnvironmentId,
}
