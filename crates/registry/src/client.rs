//! What is done with a registry: pull, push, resolve, and signatures as referrers, by the OCI
//! distribution specification (<https://github.com/opencontainers/distribution-spec>).

mod blob;
mod download;
mod fetch;
mod part;
mod patience;
mod pull;
mod push;
mod referrers;
mod session;
mod signatures;
mod unfinished;
mod upload;

use std::path::PathBuf;
use std::sync::Arc;

use deploy_spec::{Digest, Fault};

pub use pull::Pulled;
pub use push::{Artifact, Pushed};

use crate::auth::{Access, Auth};
use crate::http::Http;
use crate::options::Options;
use crate::reference::OciReference;
use session::Session;

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that need not be sent or fetched any more.
    pub done_bytes: u64,
    /// Bytes of the whole.
    pub total_bytes: u64,
}

/// Who is told how far a transfer is.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// Talks to registries. Copies share connections and tokens.
///
/// Its futures need a tokio runtime with I/O and time. Files are read, written and hashed on the
/// runtime's blocking threads.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: Http,
    auth: Auth,
    uploads: Option<PathBuf>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A client that has not talked to anybody yet.
    ///
    /// # Errors
    /// `invalid-input` when the file of certificates, or Docker's configuration, is there and
    /// cannot be used.
    pub fn new(options: &Options) -> Result<Self, Fault> {
        let (http, auth) = (Http::new(options)?, Auth::new(options)?);
        let inner = Inner { http, auth, uploads: options.uploads.clone() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The digest of the manifest that a reference stands for now.
    ///
    /// # Errors
    /// `not-found`; `refused` when the registry does not let us, or sends something else than it
    /// says; `unavailable` when it cannot be reached.
    pub async fn resolve(&self, reference: &OciReference) -> Result<Digest, Fault> {
        let session = self.session(reference, Access::Pull).await?;
        Ok(session.manifest(reference.target()).await?.digest)
    }

    async fn session(&self, at: &OciReference, access: Access) -> Result<Session<'_>, Fault> {
        let Inner { http, auth, uploads } = &*self.inner;
        let mut session = Session::open(http, auth, at, access).await?;
        session.uploads = uploads.as_deref();
        Ok(session)
    }
}
