//! Draining: a revision that takes nothing new finishes what it is answering, ends its streams when
//! its time is over, and becomes inactive by itself.

use std::sync::Arc;
use std::time::Duration;

use control::Call;
use control::revisions::{CompleteDrain, CompleteDrainAnswers};
use deploy_spec::{DeploymentId, Fault, Kind, Lifecycle, RevisionId};
use dispatch::Deployment;
use store::EnvironmentStore;

use crate::ambient;
use crate::backend::Backend;

/// How long requests in flight may still take once the streams were ended; each has a time limit
/// of its own that is shorter.
const LAST_REQUESTS: Duration = Duration::from_secs(30);

/// How long to wait before a commit is tried again that could not be made.
const AGAIN: Duration = Duration::from_secs(2);

/// A revision that has begun to drain.
pub(crate) struct Draining {
    deployment: DeploymentId,
    revision: RevisionId,
    backend: Arc<Backend>,
}

/// The revisions of a deployment that were not draining before.
pub(crate) fn beginning(deployment: &Deployment<Arc<Backend>>) -> Vec<Draining> {
    let draining = |live: &&dispatch::Live<Arc<Backend>>| {
        live.lifecycle == Lifecycle::Draining && live.backend.starts_draining()
    };
    let begun = deployment.revisions().iter().filter(draining);
    begun
        .map(|live| Draining {
            deployment: deployment.id(),
            revision: live.revision_id,
            backend: Arc::clone(&live.backend),
        })
        .collect()
}

/// Sees each of them to its end, in a thread of its own. Without a store the end is not written
/// down: whoever makes the document does that.
pub(crate) fn see_to_the_end(begun: Vec<Draining>, store: Option<&EnvironmentStore>) {
    for draining in begun {
        let store = store.cloned();
        let run = move || {
            draining.wait();
            if let Some(store) = store {
                draining.complete(&store);
            }
        };
        let spawned = std::thread::Builder::new().name("drain".into()).spawn(run);
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread to drain a revision in");
        }
    }
}

impl Draining {
    fn wait(&self) {
        let in_flight = &self.backend.in_flight;
        if !in_flight.wait(self.backend.drain_time) {
            in_flight.end_streams();
            in_flight.wait(LAST_REQUESTS);
        }
        tracing::info!(revision = %self.revision, left = in_flight.count(), "drained");
    }

    /// Writes the end down; somebody may have archived the revision meanwhile, and that is an end
    /// too.
    fn complete(&self, store: &EnvironmentStore) {
        loop {
            match self.commit(store) {
                Ok(()) => return,
                Err(fault) if fault.kind == Kind::Unavailable => {
                    tracing::warn!(%fault, "a drain cannot be written down yet");
                    std::thread::park_timeout(AGAIN);
                }
                Err(fault) => {
                    tracing::warn!(%fault, "a drain was not written down");
                    return;
                }
            }
        }
    }

    fn commit(&self, store: &EnvironmentStore) -> Result<(), Fault> {
        let call = Call {
            environment_id: store.id().clone(),
            idempotency_key: None,
            expected_generation: None,
            answers: CompleteDrainAnswers {
                deployment_id: Some(self.deployment.into()),
                revision_id: self.revision.into(),
            },
        };
        let context = ambient::data_plane_context()?;
        store.execute::<CompleteDrain>(&call, &(), &context).map(drop)
    }
}
