//! The state of the data plane: the table that requests read, and what changes it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use deploy_spec::{
    DeploymentId, EnvironmentId, Fault, HostConfig, RevisionId, RuntimeConfig, RuntimeDeployment,
    RuntimeRevision,
};
use dispatch::{CookieKeys, Deployment, Table};
use store::EnvironmentStore;
use workload::{Engine, Workload};

use crate::backend::{Backend, inside};
use crate::drain::{self, Draining};

/// The data plane of one environment. Requests read [`Plane::table`] and never wait; changes come
/// one after the other.
pub struct Plane {
    environment_id: EnvironmentId,
    folder: PathBuf,
    engine: Engine,
    keys: CookieKeys,
    table: ArcSwap<Table<Arc<Backend>>>,
    host_config: ArcSwap<HostConfig>,
    change: Mutex<Progress>,
    proven: Mutex<HashMap<RevisionId, Arc<Workload>>>,
    addresses: Mutex<Vec<SocketAddr>>,
    store: OnceLock<EnvironmentStore>,
}

/// How far the data plane has followed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    pub(crate) sequence: u64,
    pub(crate) problem: Option<Fault>,
}

impl Plane {
    /// A data plane that serves nothing yet. Artifacts lie below `folder`.
    #[must_use]
    pub fn new(
        environment_id: EnvironmentId,
        folder: PathBuf,
        engine: Engine,
        keys: CookieKeys,
    ) -> Self {
        Self {
            environment_id,
            folder,
            engine,
            keys,
            table: ArcSwap::default(),
            host_config: ArcSwap::default(),
            change: Mutex::default(),
            proven: Mutex::default(),
            addresses: Mutex::default(),
            store: OnceLock::new(),
        }
    }

    /// Whose data plane.
    #[must_use]
    pub const fn environment_id(&self) -> &EnvironmentId {
        &self.environment_id
    }

    /// The folder that holds the artifacts.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What loads workloads.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Says where the values of secrets are.
    pub(crate) fn reads_secrets_of(&self, store: &EnvironmentStore) {
        let _ = self.store.set(store.clone());
    }

    /// Says where it answers.
    pub fn answers_on(&self, address: SocketAddr) {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).push(address);
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) const fn keys(&self) -> &CookieKeys {
        &self.keys
    }

    pub(crate) fn table(&self) -> arc_swap::Guard<Arc<Table<Arc<Backend>>>> {
        self.table.load()
    }

    pub(crate) fn host_config(&self) -> arc_swap::Guard<Arc<HostConfig>> {
        self.host_config.load()
    }

    fn progress_mut(&self) -> MutexGuard<'_, Progress> {
        self.change.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress_mut().clone()
    }

    /// Remembers why the newest state is not served; the last good one still is.
    pub(crate) fn set_problem(&self, problem: Fault) {
        tracing::error!(%problem, "the last good state is still served");
        self.progress_mut().problem = Some(problem);
    }

    pub(crate) fn set_host_config(&self, host_config: HostConfig) {
        self.host_config.store(Arc::new(host_config));
    }

    /// Serves `config` from now on, and nothing else. What cannot be loaded answers 503 until it
    /// can; everything else is served.
    ///
    /// # Errors
    /// When the document is wrong; what was served still is.
    pub(crate) fn replace(&self, config: &RuntimeConfig) -> Result<Vec<Draining>, Fault> {
        if config.environment_id != self.environment_id {
            return Err(Fault::invalid(format!(
                "this is the configuration of `{}`; `{}` is served here",
                config.environment_id, self.environment_id
            ))
            .at("/environment_id"));
        }
        config.check()?;
        let before = self.table.load_full();
        let gone = before.deployments().map(|deployment| (deployment.id(), None));
        let mut changes: HashMap<DeploymentId, Option<RuntimeDeployment>> = gone.collect();
        changes.extend(config.deployments.iter().map(|d| (d.deployment_id, Some(d.clone()))));
        self.set_host_config(config.host_config.clone());
        Ok(self.apply(changes.into_iter().collect(), config.generation))
    }

    /// Serves other values of some deployments from now on. A deployment whose artifacts cannot be
    /// loaded keeps its last good state. Gives what has begun to drain.
    pub(crate) fn apply(
        &self,
        changes: Vec<(DeploymentId, Option<RuntimeDeployment>)>,
        sequence: u64,
    ) -> Vec<Draining> {
        let mut progress = self.progress_mut();
        let before = self.table.load_full();
        let mut problem = None;
        let mut values = Vec::new();
        for (id, config) in changes {
            let known = before.deployment(id);
            match config.map(|config| self.deployment(known.map(AsRef::as_ref), &config)) {
                None => values.push((id, None)),
                Some((deployment, None)) => values.push((id, Some(deployment))),
                Some((deployment, Some(fault))) => {
                    tracing::error!(%fault, deployment = %id, "a revision that takes traffic cannot be loaded");
                    if known.is_none() {
                        values.push((id, Some(deployment)));
                    }
                    problem = Some(fault);
                }
            }
        }
        let changed = values.iter().filter_map(|(_, deployment)| deployment.as_ref());
        let draining = changed.flat_map(drain::beginning).collect();
        self.table.store(Arc::new(before.with(values)));
        *progress = Progress { sequence, problem };
        draining
    }

    /// The deployment as the table wants it, with all that takes traffic loaded, and what stands
    /// in the way of that.
    fn deployment(
        &self,
        known: Option<&Deployment<Arc<Backend>>>,
        config: &RuntimeDeployment,
    ) -> (Deployment<Arc<Backend>>, Option<Fault>) {
        let before: HashMap<RevisionId, &Arc<Backend>> = known
            .into_iter()
            .flat_map(Deployment::revisions)
            .map(|live| (live.revision_id, &live.backend))
            .collect();
        let backend = |revision: &RuntimeRevision| match before.get(&revision.revision_id) {
            Some(backend) => Arc::clone(backend),
            None => self.backend(revision),
        };
        let deployment = Deployment::new(&self.environment_id, config, backend);
        let takes_traffic = |id| {
            config.split.as_ref().is_some_and(|split| split.allocation.entries.of(id).get() > 0)
        };
        let live = deployment.revisions().iter().filter(|live| takes_traffic(live.revision_id));
        let fault = live.filter_map(|live| live.backend.prepare().err()).next();
        (deployment, fault)
    }

    /// Keeps a workload that the gate has loaded, until its revision is in the table.
    pub fn adopt(&self, revision: RevisionId, workload: Arc<Workload>) {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).insert(revision, workload);
    }

    fn backend(&self, revision: &RuntimeRevision) -> Arc<Backend> {
        let backend = Backend::new(&self.engine, &self.folder, self.store.get(), revision);
        let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(workload) = proven.remove(&revision.revision_id) {
            backend.adopt(workload);
        }
        Arc::new(backend)
    }

    /// Whether every artifact of `config` lies inside the environment's directory.
    ///
    /// # Errors
    /// `invalid-input` naming the first that does not; `unavailable` when one cannot be found.
    pub fn check_artifacts(&self, config: &RuntimeConfig) -> Result<(), Fault> {
        for revision in config.deployments.iter().flat_map(|deployment| &deployment.revisions) {
            inside(&self.folder, &revision.artifact)?;
        }
        Ok(())
    }
}
