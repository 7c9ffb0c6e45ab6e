//! `gtc op revisions tag` and `untag`.

use clap::Args;
use control::Handle;
use control::revisions::{Tag, Untag};
use deploy_spec::Fault;

use super::MoveArgs;
use crate::globals::{Change, Globals};
use crate::mutate::{Fields, mutate};
use crate::op::environment_and;
use crate::outcome::Success;

#[derive(Debug, Args)]
pub(crate) struct TagArgs {
    /// The name: a letter, then letters, digits and -
    #[arg(long, value_name = "NAME")]
    tag: Option<String>,
    #[command(flatten)]
    moved: MoveArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UntagArgs {
    /// The environment, if not local, then the name
    #[arg(value_name = "[ENVIRONMENT] NAME", num_args = 0..=2)]
    words: Vec<String>,
    /// The deployment: an id, a prefix, or a bundle's name [default: the only one]
    #[arg(long)]
    deployment: Option<Handle>,
    #[command(flatten)]
    change: Change,
}

pub(super) fn tag(globals: &Globals, args: TagArgs) -> Result<Success, Fault> {
    let (mut flags, change) = args.moved.split();
    flags.extend(Fields::default().set("tag", args.tag).done());
    mutate::<Tag>(globals, &change, flags, |_, _, _| Ok(()))
}

pub(super) fn untag(globals: &Globals, args: UntagArgs) -> Result<Success, Fault> {
    let (environment, tag) = environment_and(args.words);
    let flags = Fields::default()
        .set("environment_id", environment)
        .text("deployment_id", args.deployment)
        .set("tag", tag);
    mutate::<Untag>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
}
