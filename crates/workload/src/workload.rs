//! A loaded bundle: which pack answers a request.

use std::sync::Arc;

use bytes::Bytes;
use deploy_spec::{Digest, Fault, PackId, PackKind, PathPrefix};
use http::{Request, Response, header};

use crate::body::{Body, BoxError};
use crate::component::ComponentPack;
use crate::failure::Failure;
use crate::prefix;
use crate::program::ProgramPack;
use crate::site::Site;
use crate::upstream::UpstreamPack;

/// A bundle that is loaded and answers requests. Dropping it unloads it, and stops its programs;
/// answers in flight keep what they need.
pub struct Workload {
    digest: Digest,
    /// Longest public path first, so that the first that covers a path is the one.
    pub(crate) packs: Box<[Loaded]>,
}

/// One pack of a [`Workload`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackInfo {
    /// The pack's name inside the bundle.
    pub pack_id: PackId,
    /// How it runs.
    pub kind: PackKind,
    /// Where it answers below the deployment's path prefix.
    pub public_path: PathPrefix,
}

pub(crate) struct Loaded {
    pub(crate) info: PackInfo,
    pub(crate) runs: Runs,
}

#[derive(Clone)]
pub(crate) enum Runs {
    Component(Arc<ComponentPack>),
    Site(Arc<Site>),
    Program(Arc<ProgramPack>),
    Upstream(Arc<UpstreamPack>),
}

impl Workload {
    pub(crate) fn new(digest: Digest, mut packs: Vec<Loaded>) -> Self {
        let length = |pack: &Loaded| match pack.info.public_path.is_root() {
            true => 0,
            false => pack.info.public_path.as_str().len(),
        };
        packs.sort_by_key(|pack| std::cmp::Reverse(length(pack)));
        Self { digest, packs: packs.into() }
    }

    /// The digest of the bundle.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The packs, longest public path first.
    pub fn packs(&self) -> impl Iterator<Item = &PackInfo> {
        self.packs.iter().map(|pack| &pack.info)
    }

    /// Waits until every program of the bundle is ready for the first time, or one has failed.
    /// Blocks, at most as long as the deadlines of their probes; not at all without programs.
    ///
    /// # Errors
    /// `unhealthy` when a program ended or was not ready in time. It is started again all the same.
    pub fn wait_until_ready(&self) -> Result<(), Fault> {
        self.packs.iter().try_for_each(|pack| match &pack.runs {
            Runs::Program(program) => program.wait_until_ready(),
            Runs::Component(_) | Runs::Site(_) | Runs::Upstream(_) => Ok(()),
        })
    }

    /// The pack that answers at `path`, below the deployment's path prefix; none where none does.
    #[must_use]
    pub fn pack_at(&self, path: &str) -> Option<&PackInfo> {
        self.pack(path).map(|pack| &pack.info)
    }

    pub(crate) fn pack(&self, path: &str) -> Option<&Loaded> {
        self.packs.iter().find(|pack| pack.info.public_path.covers(path))
    }

    /// Answers one request. The deployment's path prefix is already gone from the path and named
    /// in `x-forwarded-prefix`; the pack's public path is moved there too.
    ///
    /// Never fails: what goes wrong becomes a response (see [`Failure`]), or, once the response
    /// has begun, an error of its body. Dropping the future or the body stops the workload.
    ///
    /// Runs on any tokio runtime with time enabled. It does not block, but for reading and
    /// decompressing at most 64 KiB of a local file at a time (1 MiB once per small file).
    pub fn respond<B>(
        self: &Arc<Self>,
        mut request: Request<B>,
    ) -> impl Future<Output = Response<Body>> + Send + use<B>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let runs = self.pack(request.uri().path()).map(|pack| {
            let public_path = &pack.info.public_path;
            if matches!(pack.runs, Runs::Component(_) | Runs::Site(_)) {
                // Whoever reads the body here has told the client to go on already.
                request.headers_mut().remove(header::EXPECT);
            }
            prefix::extend(request.headers_mut(), public_path);
            let bare = request.uri().path() == public_path.as_str();
            prefix::strip(request.uri_mut(), public_path);
            (pack.runs.clone(), bare && !public_path.is_root())
        });
        async move {
            match runs {
                None => Failure::NoPack.response(),
                Some((Runs::Component(pack), _)) => pack.respond(request).await,
                Some((Runs::Program(pack), _)) => pack.respond(request).await,
                Some((Runs::Upstream(pack), _)) => pack.respond(request).await,
                Some((Runs::Site(site), true)) => site.redirect_to_root(&request),
                Some((Runs::Site(site), false)) => site.respond(&request),
            }
        }
    }
}

impl std::fmt::Debug for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.packs()).finish()
    }
}
