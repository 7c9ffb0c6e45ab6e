//! The state of the data plane: the table that requests read, and what changes it.

mod certificates;
mod change;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use deploy_spec::{
    DeploymentId, EnvironmentId, Fault, HostConfig, RevisionId, RuntimeConfig, RuntimeDeployment,
    RuntimeRevision, Timestamp,
};
use dispatch::{CookieKeys, Table};
use meter::{Budget, Meter};
use store::EnvironmentStore;
use telemetry::Recorder;
use tokio::sync::Notify;
use workload::{Engine, Workload};

use crate::ambient;
use crate::backend::{Backend, inside};
use crate::hold::Hold;
use crate::sessions::Sessions;
use crate::usage::Usage;
use certificates::Tls;
use change::Next;

/// How many parts of revisions have a series of their own. All others are counted together, so that
/// what is told of metrics has a bound, whatever there is in the environment.
const SERIES_MAX: usize = 4_096;

/// The data plane of one environment. Requests read [`Plane::table`] and never wait; changes come
/// one after the other.
pub struct Plane {
    environment_id: EnvironmentId,
    folder: PathBuf,
    engine: Engine,
    keys: ArcSwap<CookieKeys>,
    sessions: ArcSwap<Sessions>,
    table: ArcSwap<Table<Arc<Backend>>>,
    host_config: ArcSwap<HostConfig>,
    /// Told whenever another table is served.
    changed: Notify,
    hold: Hold,
    usage: Mutex<Usage>,
    /// How many series there may be.
    budget: Arc<Budget>,
    /// Requests that no revision answered.
    unrouted: Meter,
    began: Timestamp,
    recorder: OnceLock<Arc<Recorder>>,
    change: Mutex<Progress>,
    proven: Mutex<HashMap<RevisionId, Arc<Workload>>>,
    addresses: Mutex<Vec<SocketAddr>>,
    tls: Tls,
    store: OnceLock<EnvironmentStore>,
}

/// How far the data plane has followed.
#[derive(Default)]
struct Progress {
    sequence: u64,
    /// Why the newest state could not be read.
    problem: Option<Fault>,
    /// Why the newest state of some deployments is not served.
    faults: BTreeMap<DeploymentId, Fault>,
    /// What is not ready to be served yet.
    next: HashMap<DeploymentId, Next>,
    /// Whether anything was served yet.
    has_begun: bool,
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
            keys: ArcSwap::from_pointee(keys),
            sessions: ArcSwap::default(),
            table: ArcSwap::default(),
            host_config: ArcSwap::default(),
            changed: Notify::new(),
            hold: Hold::default(),
            usage: Mutex::default(),
            budget: Arc::new(Budget::new(SERIES_MAX, ingress::processors())),
            unrouted: Meter::new(ingress::processors()),
            began: ambient::now(),
            recorder: OnceLock::new(),
            change: Mutex::default(),
            proven: Mutex::default(),
            addresses: Mutex::default(),
            tls: Tls::default(),
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

    pub(crate) fn keys(&self) -> arc_swap::Guard<Arc<CookieKeys>> {
        self.keys.load()
    }

    pub(crate) fn set_keys(&self, keys: CookieKeys) {
        self.keys.store(Arc::new(keys));
    }

    pub(crate) fn sessions(&self) -> arc_swap::Guard<Arc<Sessions>> {
        self.sessions.load()
    }

    pub(crate) fn set_sessions(&self, sessions: Sessions) {
        self.sessions.store(Arc::new(sessions));
    }

    pub(crate) fn table(&self) -> arc_swap::Guard<Arc<Table<Arc<Backend>>>> {
        self.table.load()
    }

    /// Told whenever another table is served.
    pub(crate) const fn changed(&self) -> &Notify {
        &self.changed
    }

    pub(crate) const fn hold(&self) -> &Hold {
        &self.hold
    }

    pub(crate) fn host_config(&self) -> arc_swap::Guard<Arc<HostConfig>> {
        self.host_config.load()
    }

    fn progress_mut(&self) -> MutexGuard<'_, Progress> {
        self.change.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest commit that was followed, and what is wrong with it, if anything.
    pub(crate) fn progress(&self) -> (u64, Option<Fault>) {
        let progress = self.progress_mut();
        let problem = progress.problem.as_ref().or_else(|| progress.faults.values().next());
        (progress.sequence, problem.cloned())
    }

    /// Remembers why the newest state is not served; the last good one still is.
    pub(crate) fn set_problem(&self, problem: Fault) {
        tracing::error!(%problem, "the last good state is still served");
        self.progress_mut().problem = Some(problem);
    }

    pub(crate) fn set_host_config(&self, host_config: HostConfig) {
        self.host_config.store(Arc::new(host_config));
    }

    /// Serves `config`, and nothing else.
    ///
    /// # Errors
    /// When the document is wrong; what was served still is.
    pub(crate) fn replace(self: &Arc<Self>, config: &RuntimeConfig) -> Result<(), Fault> {
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
        self.apply(changes.into_iter().collect(), config.generation);
        Ok(())
    }

    /// Keeps a workload that the gate has loaded, until its revision is in the table.
    pub fn adopt(&self, revision: RevisionId, workload: Arc<Workload>) {
        self.proven.lock().unwrap_or_else(PoisonError::into_inner).insert(revision, workload);
    }

    /// Tells of requests from now on.
    pub fn records_to(&self, recorder: Arc<Recorder>) {
        let _ = self.recorder.set(recorder);
    }

    pub(crate) fn recorder(&self) -> Option<&Arc<Recorder>> {
        self.recorder.get()
    }

    pub(crate) const fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    pub(crate) const fn unrouted(&self) -> &Meter {
        &self.unrouted
    }

    /// When this process began to count.
    pub(crate) const fn began(&self) -> Timestamp {
        self.began
    }

    pub(crate) const fn usage(&self) -> &Mutex<Usage> {
        &self.usage
    }

    /// Notes for whom a revision answers; where there is no store, nobody does.
    fn follow_usage(
        &self,
        deployment: &RuntimeDeployment,
        revision: &RuntimeRevision,
        backend: &Backend,
    ) {
        if self.store.get().is_some() {
            let mut usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
            usage.follow(deployment, revision, &backend.meters);
        }
    }

    fn backend(&self, revision: &RuntimeRevision) -> Arc<Backend> {
        let store = self.store.get();
        let backend = Backend::new(&self.engine, &self.folder, store, revision, &self.budget);
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
