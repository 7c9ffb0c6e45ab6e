//! From a request to its answer: route, choose, tell the workload, tell the client.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use dispatch::NoChoice;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use ingress::codec::{Reject, RequestHead};
use ingress::{Peer, Pipe, Poured, Service};
use tokio::time::{Instant, timeout_at};
use workload::Body;

use crate::answer::{challenge, short};
use crate::forward::{About, TRACESTATE, Told, announce, drop_untrusted, is_trusted};
use crate::hold::PATIENCE;
use crate::in_flight::Answer;
use crate::plan::{Client, Plan};
use crate::plane::Plane;
use crate::preview::{self, X_PREVIEW};
use crate::relay::Passing;
use crate::shadow;
use crate::trail::{Asked, Received, Trail};

/// The front of the data plane: what the sockets talk to.
pub struct Front {
    pub(crate) plane: Arc<Plane>,
}

/// Why a request goes to no workload.
enum Refused {
    /// Its deployment is paused, which may end.
    Paused,
    /// For good: the answer.
    Answer(Box<Response<Body>>),
}

impl Front {
    /// The front of `plane`.
    #[must_use]
    pub const fn new(plane: Arc<Plane>) -> Self {
        Self { plane }
    }
}

impl Service for Front {
    type Body = Answer;
    type Relay = Passing;

    fn relay(&self, head: &RequestHead<'_>, body: &[u8], peer: &Peer) -> Option<Box<Passing>> {
        self.pass(head, body, peer)
    }

    fn poll_pour(body: Pin<&mut Answer>, cx: &mut Context<'_>, pipe: &mut Pipe) -> Poll<Poured> {
        body.get_mut().poll_pour(cx, pipe)
    }

    fn poll_over(body: Pin<&mut Answer>, cx: &mut Context<'_>) -> Poll<()> {
        body.get_mut().poll_over(cx)
    }

    async fn call(&self, mut request: Request<ingress::Body>, peer: &Peer) -> Response<Answer> {
        let trusted = is_trusted(peer, &self.plane.host_config().trusted_peers);
        if !trusted {
            drop_untrusted(request.headers_mut());
        }
        let (headers, path) = (request.headers(), request.uri().path());
        let random = rand::random();
        let trace = self.trace(headers, random);
        let client = Client { peer, trusted, pin: None, random, trace };
        let asked = Asked { method: request.method().as_str(), path, version: request.version() };
        let mut trail = self.trail(&asked, headers, &client);
        if let Some(text) = self.plane.challenge_at(path) {
            self.plane.unrouted().record(StatusCode::OK.as_u16(), Duration::ZERO);
            return Answer::ours(challenge(text), trail);
        }
        let pin = self.pinned(headers, path, trusted).await;
        let client = Client { pin, ..client };
        let mut request = request.map(|body| trail.counted(body));
        let plan = match self.prepare(&mut request, client, &mut trail) {
            Err(Refused::Paused) => self.held(&mut request, client, &mut trail).await,
            prepared => prepared,
        };
        let mut plan = match plan {
            Ok(plan) => plan,
            Err(refused) => {
                let response = match refused {
                    Refused::Answer(response) => *response,
                    Refused::Paused => refusal(NoChoice::Paused, request.headers()),
                };
                self.plane.unrouted().record(response.status().as_u16(), Duration::ZERO);
                return Answer::ours(response, trail);
            }
        };
        let workload = match plan.backend.workload() {
            Ok(workload) => workload,
            Err(fault) => {
                tracing::error!(%fault, "a revision cannot be loaded");
                plan.count(StatusCode::SERVICE_UNAVAILABLE);
                let why = "this revision cannot be loaded";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return Answer::ours(short(status, "unavailable", why, request.headers()), trail);
            }
        };
        let mut part = None;
        if let Some(pack) = workload.pack_at(request.uri().path()) {
            trail.goes_to(pack);
            part = plan.backend.meters.part(pack.pack_id.as_str());
        }
        let responding = workload.respond(request);
        plan.part = part;
        plan.finish(responding.await, trail)
    }

    fn refused(&self, reject: Reject, peer: &Peer) {
        self.tell_refused(reject, peer);
    }
}

impl Front {
    /// Waits until a paused deployment goes on, as long as it is worth it.
    async fn held(
        &self,
        request: &mut Request<Received>,
        client: Client<'_>,
        trail: &mut Trail,
    ) -> Result<Plan, Refused> {
        let Some(_held) = self.plane.hold().one() else { return Err(Refused::Paused) };
        let over = Instant::now() + PATIENCE;
        loop {
            let mut changed = pin!(self.plane.changed().notified());
            // Heard from first, and looked at after: a change in between is not missed.
            changed.as_mut().enable();
            match self.prepare(request, client, trail) {
                Err(Refused::Paused) => {}
                prepared => return prepared,
            }
            if timeout_at(over, changed).await.is_err() {
                return Err(Refused::Paused);
            }
        }
    }

    /// Finds who answers and makes the request what they may see.
    fn prepare(
        &self,
        request: &mut Request<Received>,
        client: Client<'_>,
        trail: &mut Trail,
    ) -> Result<Plan, Refused> {
        let table = self.plane.table();
        let headers = request.headers();
        let Some(found) = self.find(&table, headers, request.uri().path()) else {
            let why = "nothing is deployed at this address";
            let answer = short(StatusCode::NOT_FOUND, "not-found", why, headers);
            return Err(Refused::Answer(Box::new(answer)));
        };
        if let Some(answer) = preview::taken(request, &found, client.peer.tls) {
            return Err(Refused::Answer(Box::new(answer)));
        }
        let plan = self.plan(&found, headers, client);
        let mut plan = plan.map_err(|why| match why {
            NoChoice::Paused => Refused::Paused,
            why => Refused::Answer(Box::new(refusal(why, headers))),
        })?;
        let drawn = shadow::draw(found.deployment, &plan.backend, request);
        let about = About {
            peer: client.peer,
            prefix: found.prefix.as_str(),
            public_path: "/",
            revision: plan.backend.name.as_bytes(),
            random: client.random,
            trace: &client.trace,
        };
        trail.is_for(|| plan.chosen(&found));
        let mut told = Told::default();
        announce(headers, &mut told, &about);
        told.put(request.headers_mut());
        request.headers_mut().remove(&X_PREVIEW);
        if client.trace.begins_here() {
            request.headers_mut().remove(&TRACESTATE);
        }
        if !found.prefix.is_root()
            && let Some(rest) = found.prefix.rest(request.uri().path()).map(str::to_owned)
        {
            shorten(request, &rest);
        }
        plan.witness = drawn.map(|drawn| drawn.cast(request));
        Ok(plan)
    }
}

fn refusal(why: NoChoice, headers: &HeaderMap) -> Response<Body> {
    let (status, kind, message) = match why {
        NoChoice::OffTheAir => (
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "no revision serves this deployment yet",
        ),
        NoChoice::Paused => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "this deployment is paused")
        }
        NoChoice::NoSuchRevision => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "this revision cannot be reached")
        }
    };
    short(status, kind, message, headers)
}

/// Replaces the path by what is left of it.
fn shorten<B>(request: &mut Request<B>, rest: &str) {
    let target = match request.uri().query() {
        Some(query) => format!("{rest}?{query}"),
        None => rest.to_owned(),
    };
    if let Ok(uri) = Uri::try_from(target) {
        *request.uri_mut() = uri;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_survives_a_shorter_path() {
        let mut request = Request::get("/shop/cart?x=1").body(()).unwrap();
        shorten(&mut request, "/cart");
        assert_eq!(request.uri(), "/cart?x=1");
    }
}
