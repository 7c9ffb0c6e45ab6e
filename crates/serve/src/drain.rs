//! Draining: a revision that takes nothing new finishes what it is answering, ends its streams when
//! its time is over, and becomes inactive by itself.

use std::sync::Arc;
use std::time::Duration;

use control::Call;
use control::revisions::{CompleteDrain, CompleteDrainAnswers};
use deploy_spec::{DeploymentId, Drained, Fault, Kind, Lifecycle, RevisionId};
use dispatch::Deployment;
use store::EnvironmentStore;

use crate::ambient;
use crate::backend::Backend;
use crate::in_flight::spread;
use crate::plane::Plane;

/// How long requests may still take that were not answered when all else was cut; each has a time
/// limit of its own.
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
            let drained = draining.wait();
            if let Some(store) = store {
                draining.complete(&store, drained);
            }
        };
        let spawned = std::thread::Builder::new().name("drain".into()).spawn(run);
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread to drain a revision in");
        }
    }
}

impl Plane {
    /// Has every stream say goodbye within a part of this time, because the process stops.
    pub fn end_streams(&self, grace: Duration) {
        let table = self.table();
        for live in table.deployments().flat_map(|deployment| deployment.revisions()) {
            live.backend.in_flight.end_streams(spread(grace));
        }
    }
}

impl Draining {
    fn wait(&self) -> Drained {
        let drained = self.backend.in_flight.drain(self.backend.drain_time, LAST_REQUESTS);
        let Drained { open, finished, closed, cut } = drained;
        tracing::info!(revision = %self.revision, open, finished, closed, cut, "drained");
        drained
    }

    /// Writes the end down; somebody may have archived the revision meanwhile, and that is an end
    /// too.
    fn complete(&self, store: &EnvironmentStore, drained: Drained) {
        loop {
            match self.commit(store, drained) {
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

    fn commit(&self, store: &EnvironmentStore, drained: Drained) -> Result<(), Fault> {
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
        store.execute::<CompleteDrain>(&call, &Some(drained), &context).map(drop)
    }
}
