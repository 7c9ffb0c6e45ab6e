//! `gtc op revisions warm`: in the data plane that will serve the revision, or else here.

use clap::Args;
use control::Handle;
use control::revisions::{self, Warm};
use deploy_spec::{Fault, document};
use serde_json::{Map, Value, json};
use serve::{admin_socket, client};
use store::EnvironmentStore;
use workload::{Engine, EngineSettings};

use crate::answers;
use crate::globals::{Change, Globals};
use crate::mutate::{self, Fields, ask};
use crate::op::environment_and;
use crate::outcome::Success;
use crate::programs::supervisor;

#[derive(Debug, Args)]
pub(crate) struct WarmArgs {
    /// The environment, if not local, then the revision: an id, a prefix, r2 or hello/r2
    #[arg(value_name = "[ENVIRONMENT] REVISION", num_args = 0..=2)]
    words: Vec<String>,
    /// The deployment, where the revision could be several
    #[arg(long)]
    deployment: Option<Handle>,
    #[command(flatten)]
    change: Change,
}

pub(super) fn warm(globals: &Globals, args: WarmArgs) -> Result<Success, Fault> {
    let (environment, revision) = environment_and(args.words);
    let flags = Fields::default()
        .set("environment_id", environment)
        .text("deployment_id", args.deployment)
        .set("revision_id", revision)
        .done();
    let (call, store, context) = match ask::<Warm>(globals, &args.change, flags.clone())? {
        mutate::Asked::Print(success) => return Ok(success),
        mutate::Asked::Call(asked) => *asked,
    };
    if args.change.dry_run {
        return rehearse(&store, &call.answers);
    }
    if let Some(success) = in_data_plane(&store, &args.change, flags)? {
        return Ok(success);
    }
    let engine = || Engine::new(engine_settings(&store));
    Success::of_reply(serve::warm(&store, engine, None, &call, &context)?.reply)
}

/// The gate, run and not written down.
fn rehearse(store: &EnvironmentStore, answers: &revisions::WarmAnswers) -> Result<Success, Fault> {
    use control::Lookup as _;
    let (revision, environment) = {
        let view = store.read()?;
        (revisions::subject(&view, answers)?, view.environment()?)
    };
    let proof =
        serve::gate::prove(store, &Engine::new(engine_settings(store))?, &environment, &revision);
    Success::of(&json!({
        "dry_run": true,
        "revision_id": revision.revision_id,
        "ready": proof.workload.is_some(),
        "gate": proof.report.checks,
        "pinned": proof.workload.is_some().then_some(proof.report.pinned),
    }))
}

/// A running data plane proves a revision in the process that will serve it.
fn in_data_plane(
    store: &EnvironmentStore,
    change: &Change,
    flags: Map<String, Value>,
) -> Result<Option<Success>, Fault> {
    let mut document = answers::document(change, flags)?;
    document["environment_id"] = json!(store.id());
    let socket = admin_socket(store.folder());
    let reply = client::ask(&socket, "POST", "/deployments/warm", document::to_line(&document))?;
    reply.map(Success::of_reply).transpose()
}

/// Compiled code is kept with the environment, so that the next process finds it.
pub(crate) fn engine_settings(store: &EnvironmentStore) -> EngineSettings {
    EngineSettings {
        cache_dir: Some(store.folder().join("run/cache")),
        supervisor: Some(supervisor(store.folder())),
        ..EngineSettings::default()
    }
}
