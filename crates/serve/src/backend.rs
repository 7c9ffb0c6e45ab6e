//! How a revision is reached: its workload, loaded when it first must be.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bundle::Archive;
use deploy_spec::{
    BundleManifest, Digest, Fault, Pinned, RevisionId, RuntimeDeployment, RuntimeRevision,
    SecretRef, Served, Timestamp,
};
use meter::{Budget, Meters};
use serde_json::{Map, Value};
use store::EnvironmentStore;
use workload::{Engine, Given, Workload};

use crate::ambient;
use crate::in_flight::InFlight;
use crate::secrets::{pins, with_secrets};
use crate::shadow::Tally;

/// One revision in the table. It outlives the tables it is in, so that what it counted and what
/// it loaded survive every change of something else.
pub struct Backend {
    engine: Engine,
    folder: PathBuf,
    artifact: String,
    digest: Digest,
    config: Map<String, Value>,
    secret_refs: Vec<SecretRef>,
    /// What its gate was green with; none when that was before anything was pinned.
    pinned: Option<Pinned>,
    /// Where the values of the secrets are; none when a document is served.
    store: Option<EnvironmentStore>,
    loaded: OnceLock<Arc<Workload>>,
    loading: Mutex<()>,
    /// Whether its programs were waited for.
    is_prepared: AtomicBool,
    pub(crate) revision_id: RevisionId,
    /// The value of `x-greentic-revision`: its id.
    pub(crate) name: http::HeaderValue,
    /// How long its streams may live on once it drains.
    pub(crate) drain_time: Duration,
    /// What it is answering.
    pub(crate) in_flight: Arc<InFlight>,
    is_draining: AtomicBool,
    /// What it answered since then.
    pub(crate) meters: Arc<Meters>,
    pub(crate) since: Timestamp,
    /// Whose it is, in words.
    served: ArcSwapOption<Served>,
    /// What it did as a shadow.
    pub(crate) tally: Arc<Tally>,
}

impl Backend {
    pub(crate) fn new(
        engine: &Engine,
        folder: &Path,
        store: Option<&EnvironmentStore>,
        revision: &RuntimeRevision,
        budget: &Arc<Budget>,
    ) -> Self {
        let name = revision.revision_id.to_string();
        Self {
            engine: engine.clone(),
            folder: folder.to_owned(),
            artifact: revision.artifact.clone(),
            digest: revision.bundle_digest.clone(),
            config: revision.config.clone(),
            secret_refs: revision.secret_refs.clone(),
            pinned: revision.pinned.clone(),
            store: store.cloned(),
            loaded: OnceLock::new(),
            loading: Mutex::new(()),
            is_prepared: AtomicBool::new(false),
            revision_id: revision.revision_id,
            name: http::HeaderValue::from_str(&name)
                .unwrap_or(http::HeaderValue::from_static("invalid")),
            drain_time: Duration::from_secs(revision.drain_seconds.into()),
            in_flight: Arc::default(),
            is_draining: AtomicBool::new(false),
            meters: Arc::new(Meters::new(
                revision.pack_list.iter().map(|pack| pack.pack_id.as_str()),
                ingress::processors(),
                budget,
            )),
            tally: Arc::default(),
            since: ambient::now(),
            served: ArcSwapOption::empty(),
        }
    }

    /// Says whose it is. That can change while it serves.
    pub(crate) fn is_of(&self, deployment: &RuntimeDeployment, revision: &RuntimeRevision) {
        let selector = deployment.route_binding.tenant_selector.as_ref();
        self.served.store(Some(Arc::new(Served {
            customer: deployment.customer_id.clone(),
            tenant: selector.map(|selector| selector.tenant.clone()),
            team: selector.and_then(|selector| selector.team.clone()),
            bundle: deployment.bundle_id.clone(),
            deployment: deployment.deployment_id,
            revision: revision.revision_id,
            sequence: revision.sequence,
        })));
    }

    /// Whose it is.
    pub(crate) fn served(&self) -> Option<Arc<Served>> {
        self.served.load_full()
    }

    /// Takes over a workload that the gate has just loaded.
    pub(crate) fn adopt(&self, workload: Arc<Workload>) {
        let _ = self.loaded.set(workload);
        self.is_prepared.store(true, Ordering::Relaxed);
    }

    /// The workload, loaded now if it was not. Nothing is brought from elsewhere: somebody may be
    /// waiting for an answer.
    ///
    /// # Errors
    /// Why it cannot be loaded.
    pub fn workload(&self) -> Result<&Arc<Workload>, Fault> {
        self.load(|_| Ok(()))
    }

    /// The same where nobody waits, so that the images of its containers can come first.
    ///
    /// # Errors
    /// As [`Self::workload`].
    pub(crate) fn fetched(&self) -> Result<&Arc<Workload>, Fault> {
        self.load(|manifest| self.engine.fetch(manifest))
    }

    fn load(
        &self,
        fetch: impl FnOnce(&BundleManifest) -> Result<(), Fault>,
    ) -> Result<&Arc<Workload>, Fault> {
        if let Some(workload) = self.loaded.get() {
            return Ok(workload);
        }
        let _one_at_a_time = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if self.loaded.get().is_none() {
            self.tell_other_engine();
            let archive = Archive::open(&inside(&self.folder, &self.artifact)?)?;
            fetch(archive.manifest())?;
            let workload = self.engine.load(&archive, &self.digest, &self.given()?)?;
            let _ = self.loaded.set(Arc::new(workload));
        }
        self.loaded.get().ok_or_else(|| Fault::internal("a workload vanished while it was loaded"))
    }

    /// Whether it is loaded and its programs were waited for.
    pub(crate) fn is_prepared(&self) -> bool {
        self.is_prepared.load(Ordering::Relaxed)
    }

    /// Loads the workload if it was not, and waits until its programs are ready. Blocks. That one
    /// is not ready is no reason to serve something else: the gate has seen that it can be, and it
    /// is started again.
    ///
    /// # Errors
    /// Why it cannot be loaded.
    pub(crate) fn prepare(&self) -> Result<(), Fault> {
        let workload = self.fetched()?;
        if let Err(fault) = workload.wait_until_ready() {
            tracing::error!(%fault, "a revision that takes traffic is not ready");
        }
        self.is_prepared.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// There is one engine in a process, so a revision runs on it whichever proved it.
    fn tell_other_engine(&self) {
        let other = self.pinned.as_ref().filter(|pinned| pinned.engine != self.engine.version());
        if let Some(Pinned { engine: proven_by, .. }) = other {
            let (revision, engine) = (&self.name, self.engine.version());
            tracing::warn!(?revision, %proven_by, engine, "another engine proved this revision");
        }
    }

    /// What the workload is given to read.
    fn given(&self) -> Result<Given, Fault> {
        let mut given = match &self.store {
            Some(store) => {
                let view = store.read()?;
                let pins = pins(&view, self.pinned.as_ref(), &self.secret_refs)?;
                with_secrets(store, &view, &self.config, &pins)?
            }
            None => Given { config: self.config.clone(), ..Given::default() },
        };
        given.name = self.name.to_str().unwrap_or_default().to_owned();
        Ok(given)
    }

    /// Whether it is loaded.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.loaded.get().is_some()
    }

    /// The workload, if it is loaded.
    pub(crate) fn loaded(&self) -> Option<&Arc<Workload>> {
        self.loaded.get()
    }

    /// Whether it is loaded and some of it is a server, so that requests may be passed on.
    pub(crate) fn has_servers(&self) -> bool {
        self.loaded().is_some_and(|workload| workload.has_servers())
    }

    /// Whether this is the first time that it is told to drain.
    pub(crate) fn starts_draining(&self) -> bool {
        !self.is_draining.swap(true, Ordering::SeqCst)
    }
}

/// `artifact` below `folder`, with links resolved; it may not lead out of it.
pub(crate) fn inside(folder: &Path, artifact: &str) -> Result<PathBuf, Fault> {
    let missing = |what: &Path, error: std::io::Error| {
        Fault::unavailable(format!("`{}` cannot be opened: {error}", what.display()))
    };
    let root = folder.canonicalize().map_err(|error| missing(folder, error))?;
    let named = root.join(artifact);
    let path = named.canonicalize().map_err(|error| missing(&named, error))?;
    if path.starts_with(&root) {
        return Ok(path);
    }
    Err(Fault::invalid(format!("artifact `{artifact}` leaves the environment's directory")))
}
