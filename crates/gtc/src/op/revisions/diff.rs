//! `gtc op revisions diff`.

use clap::Args;
use control::{Handle, revisions};
use deploy_spec::{EnvironmentId, Fault};
use serve::contents;

use crate::globals::Globals;
use crate::outcome::Success;

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The environment, if not local, then the two revisions: an id, a prefix, r2 or hello/r2
    #[arg(value_name = "[ENVIRONMENT] REVISION REVISION", num_args = 0..=3)]
    words: Vec<String>,
    /// The deployment, where a revision could be several
    #[arg(long)]
    deployment: Option<Handle>,
    /// How many differences of each part to show at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
}

pub(super) fn diff(globals: &Globals, args: &DiffArgs) -> Result<Success, Fault> {
    let (environment, from, to) = match &args.words[..] {
        [from, to] => (None, from, to),
        [environment, from, to] => (Some(environment), from, to),
        _ => {
            let why = "two revisions are compared, of one environment";
            return Err(Fault::invalid(why).hint("gtc op revisions diff r1 r2"));
        }
    };
    let environment = environment.map_or_else(|| Ok(EnvironmentId::local()), |word| word.parse());
    let store = globals.readable(("revisions", "diff"), &environment.map_err(Fault::invalid)?)?;
    let [from, to] = [from, to].map(|word| word.parse::<Handle>().map_err(Fault::invalid));
    let pair = revisions::pair(&store.read()?, args.deployment.as_ref(), [&from?, &to?])?;
    let held = contents(&store, [&pair[0].1, &pair[1].1])?;
    Success::of(&revisions::diff(pair, &held, args.limit))
}
