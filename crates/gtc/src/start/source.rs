//! What is served: a store, or one document.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use deploy_spec::Fault;
use serve::Plane;
use store::EnvironmentStore;
use workload::{Engine, EngineSettings};

use crate::op::engine_settings;
use crate::programs::supervisor;

/// What is served.
pub(super) enum Source {
    /// The state of an environment, which may change at any time.
    Store(EnvironmentStore),
    /// A document, which somebody may replace.
    Document(PathBuf),
}

impl Source {
    pub(super) fn document(path: &Path) -> Result<Self, Fault> {
        let path = std::path::absolute(path).map_err(|error| {
            Fault::invalid(format!("`{}` is not a usable path: {error}", path.display()))
        })?;
        Ok(Self::Document(path))
    }

    /// Where `run` and the artifacts are.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Store(store) => store.folder(),
            Self::Document(path) => path.parent().unwrap_or(path),
        }
    }

    /// Whether there is anything to serve.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Store(store) => store.read().map(drop),
            Self::Document(path) => serve::read_document(path).map(drop),
        }
    }

    pub(super) fn plane(self) -> Result<(Arc<Plane>, Option<EnvironmentStore>), Fault> {
        let folder = self.folder().to_owned();
        match self {
            Self::Store(store) => {
                let engine = Engine::new(engine_settings(&store))?;
                let keys = serve::cookie_keys(&store)?;
                let plane = Arc::new(Plane::new(store.id().clone(), folder, engine, keys));
                serve::follow_store(&plane, store.clone())?;
                Ok((plane, Some(store)))
            }
            Self::Document(path) => {
                let id = serve::read_document(&path)?.environment_id;
                let cache_dir = Some(folder.join("run/cache"));
                let supervisor = Some(supervisor(&folder));
                let engine = Engine::new(EngineSettings {
                    cache_dir,
                    supervisor,
                    ..EngineSettings::default()
                })?;
                let keys = serve::ephemeral_cookie_keys()?;
                tracing::warn!(
                    "sessions are remembered until this process ends: a document brings no cookie keys"
                );
                let plane = Arc::new(Plane::new(id, folder, engine, keys));
                serve::follow_document(&plane, path)?;
                Ok((plane, None))
            }
        }
    }
}
