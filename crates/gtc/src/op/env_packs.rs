//! `gtc op env-packs`.

use clap::Subcommand;
use control::env_packs;
use deploy_spec::Fault;

use crate::globals::{Globals, InEnvironment};
use crate::outcome::Success;

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List what an environment is bound to
    #[command(after_help = "Example:\n  gtc op env-packs list local")]
    List(InEnvironment),
}

impl Verb {
    pub(super) fn run(self, globals: &Globals) -> (&'static str, Result<Success, Fault>) {
        let Self::List(at) = self;
        ("list", list(globals, &at))
    }
}

fn list(globals: &Globals, at: &InEnvironment) -> Result<Success, Fault> {
    let view = globals.store(&at.environment)?.read()?;
    Success::of(&env_packs::list(&view)?)
}
