//! A pack that is a server: a request can be passed on to it as bytes.

use std::sync::Arc;

use http::{Method, Response};
use upstream::HeadView;

use crate::body::Body;
use crate::program::ProgramPack;
use crate::upstream::UpstreamPack;
use crate::workload::{Loaded, PackInfo, Runs, Workload};

/// A server that takes requests as they stand.
pub struct Relay(Server);

enum Server {
    Program(Arc<ProgramPack>),
    Upstream(Arc<UpstreamPack>),
}

impl Workload {
    /// The server that answers at `path`, and its pack; none where the answer is made in this process,
    /// or the server does not speak HTTP/1.1 in the clear.
    #[must_use]
    pub fn relay(&self, path: &str) -> Option<(Relay, &PackInfo)> {
        let pack = self.pack(path)?;
        let server = match &pack.runs {
            Runs::Program(program) if program.relays() => Server::Program(Arc::clone(program)),
            Runs::Upstream(upstream) if upstream.relays() => Server::Upstream(Arc::clone(upstream)),
            _ => return None,
        };
        Some((Relay(server), &pack.info))
    }
}

impl Workload {
    /// Whether requests are passed on to a server as they stand by any of its packs.
    #[must_use]
    pub fn has_servers(&self) -> bool {
        self.packs.iter().any(|pack: &Loaded| match &pack.runs {
            Runs::Program(program) => program.relays(),
            Runs::Upstream(upstream) => upstream.relays(),
            Runs::Component(_) | Runs::Site(_) => false,
        })
    }
}

impl Relay {
    /// What stands in front of every path: empty or `/…`.
    #[must_use]
    pub fn base(&self) -> &str {
        match &self.0 {
            Server::Program(_) => "",
            Server::Upstream(upstream) => upstream.base(),
        }
    }

    /// Sends a whole request. Its answer goes to `take` when it comes in one piece, and is given
    /// back otherwise, as failures are. See [`upstream::Client::relay`].
    pub async fn send(
        &self,
        method: Method,
        request: Vec<u8>,
        take: impl FnMut(&HeadView<'_>, &[u8]) + Send,
    ) -> Option<Response<Body>> {
        match &self.0 {
            Server::Program(program) => program.relay(method, request, take).await,
            Server::Upstream(upstream) => upstream.relay(method, request, take).await,
        }
    }
}
