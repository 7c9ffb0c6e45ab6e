//! The engine that a process loads bundles into.

use std::path::PathBuf;
use std::sync::Arc;

use bundle::Archive;
use deploy_spec::{BundleManifest, Digest, Fault, Pack, PackKind};
use process::Supervisor;
use serde_json::{Map, Value};

use crate::component::{Components, Granted};
use crate::container;
use crate::program::ProgramPack;
use crate::site::{FileCache, Site};
use crate::upstream::UpstreamPack;
use crate::workload::{Loaded, PackInfo, Runs, Workload};

/// How an [`Engine`] is made.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// Where compiled components are kept between runs; made with mode 0700 when missing, and
    /// refused when others may enter it. Default: nowhere, so every load compiles.
    pub cache_dir: Option<PathBuf>,
    /// How many component instances may live at once in this process; a request beyond that gets
    /// 503. Each reserves 4 GiB of address space and no memory. Default: 1 000.
    pub instances: u32,
    /// How much memory the contents of small static files may take, in MiB. Default: 64.
    pub file_cache_mb: u32,
    /// Who keeps the programs and containers of bundles running. Default: nobody, and bundles with a
    /// pack of the kind `process` or `container` are refused.
    pub supervisor: Option<Supervisor>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self { cache_dir: None, instances: 1_000, file_cache_mb: 64, supervisor: None }
    }
}

/// What a bundle is given when it is loaded.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// What the log calls the workload: its revision.
    pub name: String,
    /// What a component may read by `wasi:config`, and a program in its environment: strings as
    /// they are, other values as JSON text.
    pub config: Map<String, Value>,
    /// Which of these are secret: they are masked in what it prints.
    pub secrets: Vec<String>,
}

/// What every workload of a process shares: the component engine with its pool of instances, the
/// cache of compiled code, and the cache of static files. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

struct Shared {
    components: Components,
    files: Arc<FileCache>,
    supervisor: Option<Supervisor>,
}

impl Engine {
    /// Makes the engine and reserves its pool of instances.
    ///
    /// # Errors
    /// `unavailable` when the address space for the pool cannot be had; `refused` when the cache
    /// directory is not ours alone; `invalid-input` when there are no instances.
    pub fn new(settings: EngineSettings) -> Result<Self, Fault> {
        let components = Components::new(settings.instances, settings.cache_dir)?;
        let files = Arc::new(FileCache::new(u64::from(settings.file_cache_mb) << 20));
        let supervisor = settings.supervisor;
        Ok(Self(Arc::new(Shared { components, files, supervisor })))
    }

    /// Brings what a bundle runs and does not hold: the images of its containers that are not in the
    /// store of their engine. Blocks as long as that takes.
    ///
    /// # Errors
    /// `unavailable` when there is no engine, or an image cannot be had; `refused` when there is
    /// nobody to keep containers running.
    pub fn fetch(&self, manifest: &BundleManifest) -> Result<(), Fault> {
        for pack in &manifest.packs {
            if let Some(image) = &pack.image {
                let supervisor = self.0.supervisor.as_ref().ok_or_else(no_supervisor)?;
                container::fetch(supervisor, pack, image)?;
            }
        }
        Ok(())
    }

    /// Loads every pack of a bundle, and brings nothing from elsewhere: see [`Self::fetch`]. Blocks:
    /// it reads components and programs from the archive, and
    /// compiles the components that are not in the cache. Programs are started, not waited for:
    /// that is [`Workload::wait_until_ready`].
    ///
    /// # Errors
    /// `invalid-input` when a pack is missing from the archive, is not a component, imports
    /// something that there is not, or does not export `wasi:http/incoming-handler`; when it is not
    /// a static program for this machine, or its configuration cannot be its environment. `refused`
    /// when there is nobody to keep programs running.
    pub fn load(
        &self,
        archive: &Archive,
        digest: &Digest,
        given: &Given,
    ) -> Result<Workload, Fault> {
        let manifest: &BundleManifest = archive.manifest();
        let granted = Arc::new(Granted::new(given));
        let load = |(i, pack): (usize, &Pack)| {
            let runs = self.runs(archive, digest, pack, given, &granted);
            let runs = runs.map_err(|fault| fault.at(format!("/packs/{i}")))?;
            let Pack { pack_id, kind, public_path, .. } = pack.clone();
            Ok(Loaded { info: PackInfo { pack_id, kind, public_path }, runs })
        };
        let packs = manifest.packs.iter().enumerate().map(load).collect::<Result<_, Fault>>()?;
        Ok(Workload::new(digest.clone(), packs))
    }

    fn runs(
        &self,
        archive: &Archive,
        digest: &Digest,
        pack: &Pack,
        given: &Given,
        granted: &Arc<Granted>,
    ) -> Result<Runs, Fault> {
        match pack.kind {
            PackKind::HttpComponent => {
                let component = self.0.components.load(archive, digest, pack, granted)?;
                Ok(Runs::Component(Arc::new(component)))
            }
            PackKind::Static => {
                let site = Site::new(archive, digest, pack, &self.0.files)?;
                Ok(Runs::Site(Arc::new(site)))
            }
            PackKind::Process => {
                let supervisor = self.0.supervisor.as_ref().ok_or_else(no_supervisor)?;
                let bytes = archive.read(pack.file()?.as_str())?;
                let program = ProgramPack::start(supervisor, &bytes, pack, given, granted)?;
                Ok(Runs::Program(Arc::new(program)))
            }
            PackKind::Container => {
                let supervisor = self.0.supervisor.as_ref().ok_or_else(no_supervisor)?;
                let container = container::start(supervisor, archive, pack, given, granted)?;
                Ok(Runs::Program(Arc::new(container)))
            }
            PackKind::Upstream => {
                Ok(Runs::Upstream(Arc::new(UpstreamPack::new(archive, pack, given)?)))
            }
        }
    }

    /// The version of the component engine and of its settings, as it keys the cache: compiled
    /// code is used by engines of the same version only.
    #[must_use]
    pub fn version(&self) -> &str {
        self.0.components.version()
    }
}

fn no_supervisor() -> Fault {
    Fault::refused("programs are not run here").hint("serve the bundle with `gtc start`")
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({})", self.version())
    }
}
