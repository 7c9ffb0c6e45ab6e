//! How the table changes: a deployment at a time, each as soon as what takes traffic in it is ready.
//!
//! Loading takes its time, and a program may need minutes until it is ready. The deployment keeps
//! its last good state for as long, and nobody else waits.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use deploy_spec::{DeploymentId, Fault, RevisionId, RuntimeDeployment, RuntimeRevision};
use dispatch::{Deployment, Live};

use super::{Plane, Progress};
use crate::backend::Backend;
use crate::drain;

/// How long a start waits for programs to be ready before it serves what is.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// How a deployment is to be served.
#[derive(Clone)]
pub(super) struct Next {
    /// Which of the changes it is, so that the end of one does not undo a later one.
    number: u64,
    deployment: Deployment<Arc<Backend>>,
    /// What takes traffic.
    live: Vec<Arc<Backend>>,
}

impl Next {
    fn new(deployment: Deployment<Arc<Backend>>, config: &RuntimeDeployment) -> Self {
        static CHANGES: AtomicU64 = AtomicU64::new(0);
        let takes_traffic = |live: &&Live<_>| {
            let split = config.split.as_ref();
            split.is_some_and(|split| split.allocation.entries.of(live.revision_id).get() > 0)
        };
        let live = deployment.revisions().iter().filter(takes_traffic);
        let live = live.map(|live| Arc::clone(&live.backend)).collect();
        Self { number: CHANGES.fetch_add(1, Ordering::Relaxed), deployment, live }
    }
}

impl Progress {
    fn cannot_load(&mut self, id: DeploymentId, fault: Fault) {
        tracing::error!(%fault, deployment = %id, "a revision that takes traffic cannot be loaded");
        self.faults.insert(id, fault);
    }
}

impl Plane {
    /// Serves other values of some deployments: from now on, or once what takes traffic in them is
    /// ready. A deployment whose artifacts cannot be loaded keeps its last good state.
    ///
    /// At the beginning there is no such state: everything is loaded and waited for, and what is
    /// not ready then answers 503 until it is.
    pub(crate) fn apply(
        self: &Arc<Self>,
        changes: Vec<(DeploymentId, Option<RuntimeDeployment>)>,
        sequence: u64,
    ) {
        let mut progress = self.progress_mut();
        let (mut now, mut later) = (Vec::new(), Vec::new());
        for (id, config) in changes {
            let superseded = progress.next.remove(&id);
            progress.faults.remove(&id);
            match config.map(|config| self.next(superseded.as_ref(), &config)) {
                Some(next)
                    if progress.has_begun && !next.live.iter().all(|it| it.is_prepared()) =>
                {
                    progress.next.insert(id, next.clone());
                    later.push((id, next));
                }
                next => now.push((id, next)),
            }
        }
        let first = if progress.has_begun { Vec::new() } else { load(&now, &mut progress) };
        self.swap(now);
        progress.sequence = sequence;
        progress.problem = None;
        progress.has_begun = true;
        drop(progress);
        wait_for(first);
        for (id, next) in later {
            self.prepare_apart(id, next);
        }
    }

    /// What the deployment is to be. The backends that it has, or was about to have, go on: what
    /// they loaded and counted survives.
    fn next(&self, superseded: Option<&Next>, config: &RuntimeDeployment) -> Next {
        let table = self.table.load();
        let serving = table.deployment(config.deployment_id).map(AsRef::as_ref);
        let known = serving.into_iter().chain(superseded.map(|next| &next.deployment));
        let known: HashMap<RevisionId, &Arc<Backend>> = known
            .flat_map(Deployment::revisions)
            .map(|live| (live.revision_id, &live.backend))
            .collect();
        let backend = |revision: &RuntimeRevision| {
            let known = known.get(&revision.revision_id).map(|backend| Arc::clone(backend));
            let backend = known.unwrap_or_else(|| self.backend(revision));
            backend.is_of(config, revision);
            self.follow_usage(config, revision, &backend);
            backend
        };
        Next::new(Deployment::new(&self.environment_id, config, backend), config)
    }

    /// Puts values into the table, and sees to what begins to drain by that. Whoever calls it
    /// holds the progress.
    fn swap(&self, values: Vec<(DeploymentId, Option<Next>)>) {
        let values: Vec<_> =
            values.into_iter().map(|(id, next)| (id, next.map(|next| next.deployment))).collect();
        let changed = values.iter().filter_map(|(_, deployment)| deployment.as_ref());
        let draining = changed.clone().flat_map(drain::beginning).collect();
        changed.for_each(prepare_shadow);
        self.table.store(Arc::new(self.table.load().with(values)));
        self.changed.notify_waiters();
        drain::see_to_the_end(draining, self.store.get());
    }

    /// Prepares what takes traffic, and then serves it, unless something else was said meanwhile.
    fn prepare_apart(self: &Arc<Self>, id: DeploymentId, next: Next) {
        let plane = Arc::downgrade(self);
        let spawned = spawn(move || {
            let fault = next.live.iter().find_map(|backend| backend.prepare().err());
            if let Some(plane) = plane.upgrade() {
                plane.settle(id, next.number, fault);
            }
        });
        if let Err(fault) = spawned {
            self.progress_mut().cannot_load(id, fault);
        }
    }

    fn settle(&self, id: DeploymentId, number: u64, fault: Option<Fault>) {
        let mut progress = self.progress_mut();
        if progress.next.get(&id).is_none_or(|next| next.number != number) {
            return;
        }
        let next = progress.next.remove(&id);
        let keeps_last = fault.is_some() && self.table.load().deployment(id).is_some();
        if let Some(fault) = fault {
            progress.cannot_load(id, fault);
        }
        if !keeps_last {
            self.swap(vec![(id, next)]);
        }
    }
}

/// Loads what takes traffic, which brings its images and starts its programs, and gives what was loaded.
fn load(values: &[(DeploymentId, Option<Next>)], progress: &mut Progress) -> Vec<Arc<Backend>> {
    let mut loaded = Vec::new();
    for (id, next) in values {
        for backend in next.iter().flat_map(|next| &next.live) {
            match backend.fetched() {
                Ok(_) => loaded.push(Arc::clone(backend)),
                Err(fault) => progress.cannot_load(*id, fault),
            }
        }
    }
    loaded
}

/// Waits until all of these are ready or known not to be, as long as a start waits.
fn wait_for(loaded: Vec<Arc<Backend>>) {
    let (done, told) = sync_channel::<()>(1);
    let spawned = spawn(move || {
        for backend in loaded {
            // It is loaded, so that nothing is said but to the log.
            let _ = backend.prepare();
        }
        let _ = done.send(());
    });
    if spawned.is_ok() && told.recv_timeout(START_PATIENCE).is_err() {
        tracing::warn!("some revisions that take traffic are not ready yet; they answer 503");
    }
}

/// Nobody waits for a shadow: it is cast once it is prepared.
fn prepare_shadow(deployment: &Deployment<Arc<Backend>>) {
    let shadow = deployment.shadow().filter(|(_, live)| !live.backend.is_prepared());
    let Some((_, live)) = shadow else { return };
    let (id, backend) = (live.revision_id, Arc::clone(&live.backend));
    let prepared = spawn(move || {
        if let Err(fault) = backend.prepare() {
            tracing::error!(%fault, revision = %id, "a shadow cannot be loaded");
        }
    });
    if let Err(fault) = prepared {
        tracing::error!(%fault, revision = %id, "a shadow cannot be loaded");
    }
}

fn spawn(run: impl FnOnce() + Send + 'static) -> Result<(), Fault> {
    let spawned = std::thread::Builder::new().name("prepare".into()).spawn(run);
    spawned.map(drop).map_err(|error| Fault::unavailable(format!("no thread to load it: {error}")))
}
