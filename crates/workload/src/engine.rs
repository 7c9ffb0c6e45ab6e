//! The engine that a process loads bundles into.

use std::path::PathBuf;
use std::sync::Arc;

use bundle::Archive;
use deploy_spec::{BundleManifest, Digest, Fault, Pack, PackKind};
use serde_json::{Map, Value};

use crate::component::{Components, Granted};
use crate::site::{FileCache, Site};
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
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self { cache_dir: None, instances: 1_000, file_cache_mb: 64 }
    }
}

/// What a bundle is given when it is loaded.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// What the log calls the workload: its revision.
    pub name: String,
    /// What it may read by `wasi:config`: strings as they are, other values as JSON text.
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
        Ok(Self(Arc::new(Shared { components, files })))
    }

    /// Loads every pack of a bundle. Blocks: it reads components from the archive, and compiles
    /// those that are not in the cache.
    ///
    /// # Errors
    /// `invalid-input` when a pack is missing from the archive, is not a component, imports
    /// something that there is not, or does not export `wasi:http/incoming-handler`.
    pub fn load(
        &self,
        archive: &Archive,
        digest: &Digest,
        given: &Given,
    ) -> Result<Workload, Fault> {
        let manifest: &BundleManifest = archive.manifest();
        let given = Arc::new(Granted::new(given));
        let load = |(i, pack): (usize, &Pack)| {
            let runs = self.runs(archive, digest, pack, &given);
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
        given: &Arc<Granted>,
    ) -> Result<Runs, Fault> {
        match pack.kind {
            PackKind::HttpComponent => {
                let bytes = archive.read(pack.path.as_str())?;
                let component = self.0.components.load(&bytes, pack, given)?;
                Ok(Runs::Component(Arc::new(component)))
            }
            PackKind::Static => {
                let site = Site::new(archive, digest, pack, &self.0.files)?;
                Ok(Runs::Site(Arc::new(site)))
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

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({})", self.version())
    }
}
