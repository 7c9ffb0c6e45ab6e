//! `gtc op traffic shadow`, `unshadow` and `differences`.

use clap::Args;
use control::traffic::{CastShadow, Unshadow};
use control::{Handle, resolve_deployment};
use deploy_spec::Fault;
use serde_json::json;
use serve::client;

use super::{ShowArgs, WhoseArgs, entry, whose};
use crate::globals::{Change, Globals};
use crate::mutate::{Fields, mutate};
use crate::op::environment_and;
use crate::outcome::Success;

#[derive(Debug, Args)]
pub(crate) struct ShadowArgs {
    /// The environment, if not local, then the revision and its share of the requests: r2=10
    #[arg(value_name = "[ENVIRONMENT] REVISION=PERCENT", num_args = 0..=2)]
    words: Vec<String>,
    /// The deployment: an id, a prefix, or a bundle's name [default: the only one]
    #[arg(long)]
    deployment: Option<Handle>,
    /// A header of answers that is not compared; may be repeated
    #[arg(long = "ignore-header", value_name = "NAME")]
    ignore_headers: Vec<String>,
    #[command(flatten)]
    change: Change,
}

pub(super) fn shadow(globals: &Globals, args: ShadowArgs) -> Result<Success, Fault> {
    let (environment, word) = environment_and(args.words);
    let ignored: Vec<String> =
        args.ignore_headers.iter().map(|name| name.to_ascii_lowercase()).collect();
    let flags = Fields::default()
        .set("environment_id", environment)
        .text("deployment_id", args.deployment)
        .set("entry", word.map(|word| entry(&word)).transpose()?)
        .set("ignore_headers", (!ignored.is_empty()).then_some(ignored));
    mutate::<CastShadow>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
}

pub(super) fn unshadow(globals: &Globals, args: &WhoseArgs) -> Result<Success, Fault> {
    let flags = whose(args);
    mutate::<Unshadow>(globals, &args.change, flags.done(), |_, _, _| Ok(()))
}

/// What was compared since the data plane began; only that knows.
pub(super) fn differences(globals: &Globals, args: &ShowArgs) -> Result<Success, Fault> {
    let store = globals.readable(("traffic", "differences"), &args.at.environment)?;
    let deployment = resolve_deployment(&store.read()?, args.deployment.as_ref())?.deployment;
    let status = client::status(store.folder())?.ok_or_else(|| {
        Fault::unavailable(format!("no data plane serves `{}` on this machine", store.id()))
            .hint(format!("gtc start --env {}", store.id()))
    })?;
    let served = status.deployments.into_iter();
    let served = served.filter(|served| served.deployment_id == deployment.deployment_id);
    let (mut compared, mut examples) = (Vec::new(), Vec::new());
    for revision in served.flat_map(|served| served.revisions) {
        let Some(shadow) = revision.shadow else { continue };
        compared.push(json!({
            "sequence": revision.sequence,
            "same": shadow.same,
            "different": shadow.different,
            "status": shadow.status,
            "headers": shadow.headers,
            "body": shadow.body,
            "failed": shadow.failed,
            "skipped": shadow.skipped,
            "revision_id": revision.revision_id,
        }));
        for example in shadow.examples {
            let mut example = json!(example);
            example["sequence"] = json!(revision.sequence);
            examples.push(example);
        }
    }
    Success::of(&json!({
        "deployment_id": deployment.deployment_id,
        "shadow": deployment.shadow,
        "compared": compared,
        "examples": examples,
    }))
}
