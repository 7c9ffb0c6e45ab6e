//! `revisions warm`, whole: find the revision, run its gate, commit what the gate said.

use control::revisions::{GateReport, Warm, WarmAnswers, subject};
use control::{Call, Context, Lookup as _, replay};
use deploy_spec::{Fault, Lifecycle, Revision};
use store::{EnvironmentStore, Executed};
use workload::Engine;

use crate::gate::prove;
use crate::plane::Plane;

/// Warms a revision; with `plane`, for the data plane of this process. Blocks.
///
/// # Errors
/// Why it may not be warmed, or could not be. That the gate said no is a reply, not an error.
pub fn warm(
    store: &EnvironmentStore,
    engine: impl FnOnce() -> Result<Engine, Fault>,
    plane: Option<&Plane>,
    call: &Call<WarmAnswers>,
    context: &Context,
) -> Result<Executed, Fault> {
    let Some(revision) = needs_gate(store, call)? else {
        return store.execute::<Warm>(call, &GateReport::default(), context);
    };
    let environment = store.read()?.environment()?;
    let proof = prove(store, &engine()?, &environment, &revision);
    if let (Some(plane), Some(workload)) = (plane, proof.workload) {
        plane.adopt(revision.revision_id, workload);
    }
    store.execute::<Warm>(call, &proof.report, context)
}

/// The revision whose gate must run; none where the answer needs no gate: a retry that was already
/// answered, a revision that is ready, or a command that will be refused.
fn needs_gate(
    store: &EnvironmentStore,
    call: &Call<WarmAnswers>,
) -> Result<Option<Revision>, Fault> {
    let view = store.read()?;
    if replay::<Warm>(&view, call)?.is_some() {
        return Ok(None);
    }
    let found = subject(&view, &call.answers).ok();
    Ok(found.filter(|revision| revision.lifecycle == Lifecycle::Staged))
}
