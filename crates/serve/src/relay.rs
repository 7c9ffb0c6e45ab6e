//! The short way: a request that goes on to a server as the bytes it came in, and its answer back.

use deploy_spec::SessionSource;
use http::header::{DATE, SET_COOKIE};
use http::{Method, Version};
use ingress::codec::{self, RequestHead};
use ingress::{Peer, Relayed};
use telemetry::Trace;
use workload::Relay;

use crate::forward::{About, TRACESTATE, Written, X_REVISION, announce, is_trusted};
use crate::in_flight::Answer;
use crate::plan::{Client, Plan};
use crate::preview::{self, X_PREVIEW};
use crate::says::{Lines, Says as _};
use crate::service::Front;
use crate::shadow;
use crate::trail::{Asked, Trail};

/// A request on its way to a server.
pub struct Passing {
    plan: Plan,
    relay: Relay,
    method: Method,
    request: Vec<u8>,
    trail: Trail,
}

impl Front {
    /// The request as the server behind its pack gets it; none when no server answers, or something
    /// is out of the ordinary.
    pub(crate) fn pass(
        &self,
        head: &RequestHead<'_>,
        body: &[u8],
        peer: &Peer,
    ) -> Option<Box<Passing>> {
        if preview::is_in(head.target.query.as_deref()) {
            return None;
        }
        let trusted = is_trusted(peer, &self.plane.host_config().trusted_peers);
        let said = Lines::of(head, trusted)?;
        let path = &*head.target.path;
        if self.plane.challenge_at(path).is_some() {
            return None;
        }
        let table = self.plane.table();
        let found = self.find(&table, &said, path)?;
        // What is answered in this process is chosen once only.
        if !found.deployment.revisions().iter().any(|live| live.backend.has_servers()) {
            return None;
        }
        let method = Method::from_bytes(head.method.as_bytes()).ok()?;
        if shadow::may_cast(found.deployment, &method) {
            return None;
        }
        let random = rand::random();
        // Nobody can be waited for here.
        let is_named = matches!(found.deployment.session(), SessionSource::Header(_));
        if is_named && self.plane.sessions().pins.are_shared() {
            return None;
        }
        let trace = self.trace(&said, random);
        let client = Client { peer, trusted, pin: None, random, trace };
        let mut plan = self.plan(&found, &said, client).ok()?;
        let rest = found.prefix.rest(path)?;
        let (relay, pack) = plan.backend.loaded()?.relay(rest)?;
        let public_path = &pack.public_path;
        let about = About {
            peer,
            prefix: found.prefix.as_str(),
            public_path: public_path.as_str(),
            revision: plan.backend.name.as_bytes(),
            random,
            trace: &trace,
        };
        let target = Target {
            base: relay.base(),
            path: public_path.rest(rest)?,
            query: head.target.query.as_deref(),
        };
        let request = write(&method, &target, &said, &about, body);
        let asked = Asked { method: head.method, path, version: Version::HTTP_11 };
        let mut trail = self.trail(&asked, &said, &client);
        trail.is_for(|| plan.chosen(&found));
        trail.goes_to(pack);
        trail.has_read(body.len());
        plan.part = plan.backend.meters.part(pack.pack_id.as_str());
        Some(Box::new(Passing { plan, relay, method, request, trail }))
    }
}

/// The target towards the server.
struct Target<'t> {
    base: &'t str,
    path: &'t str,
    query: Option<&'t str>,
}

/// All the bytes of the request.
fn write(
    method: &Method,
    target: &Target<'_>,
    said: &Lines<'_>,
    about: &About<'_>,
    body: &[u8],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024 + body.len());
    let Target { base, path, query } = *target;
    for part in [method.as_str(), " ", base, path] {
        out.extend_from_slice(part.as_bytes());
    }
    if let Some(query) = query {
        out.push(b'?');
        out.extend_from_slice(query.as_bytes());
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    codec::line(&mut out, "host", said.host().unwrap_or_default().as_bytes());
    let mut told = Written::new(&mut out);
    announce(said, &mut told, about);
    for (name, value) in said.iter() {
        if !stays_here(name, about.trace) && !told.has_told(name) {
            codec::line(told.out, name, value);
        }
    }
    if !body.is_empty() || matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        codec::line(&mut out, "content-length", itoa::Buffer::new().format(body.len()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}

/// Whether a header of a request is ours to write, or for us alone.
fn stays_here(name: &str, trace: &Trace) -> bool {
    let stay = ["content-length", X_PREVIEW.as_str()];
    stay.iter().any(|stays| name.eq_ignore_ascii_case(stays))
        || trace.begins_here() && name.eq_ignore_ascii_case(TRACESTATE.as_str())
}

impl ingress::Relay for Passing {
    type Body = Answer;

    async fn answer(mut self: Box<Self>, out: &mut Vec<u8>) -> Relayed<Answer> {
        let (method, request) = (self.method.clone(), std::mem::take(&mut self.request));
        let Self { plan, relay, trail, .. } = &mut *self;
        let mut written = None;
        let not_whole = relay
            .send(method, request, |head, body| {
                plan.count(head.status);
                trail.is_written(head.status, body.len());
                let lines = |out: &mut Vec<u8>| {
                    let mut is_dated = false;
                    head.write_lines(out, |name| {
                        is_dated |= name.len() == 4 && name.eq_ignore_ascii_case(DATE.as_str());
                        !is_ours(name)
                    });
                    let revision = plan.tell_revision.then_some(&plan.backend.name);
                    let ours = [(&X_REVISION, revision), (&SET_COOKIE, plan.cookie.as_ref())];
                    for (name, value) in ours {
                        if let Some(value) = value {
                            codec::line(out, name.as_str(), value.as_bytes());
                        }
                    }
                    is_dated
                };
                written = Some(ingress::Written::answer(out, head.status, lines, body));
            })
            .await;
        match (written, not_whole) {
            (Some(written), _) => Relayed::Written(written),
            (None, response) => {
                let response = response.unwrap_or_else(|| workload::Failure::Failed.response());
                Relayed::Response(Box::new(self.plan.finish(response, self.trail)))
            }
        }
    }
}

/// Whether a header of an answer is ours to write.
fn is_ours(name: &str) -> bool {
    const REVISION: usize = "x-greentic-revision".len();
    match name.len() {
        14 => name.eq_ignore_ascii_case("content-length"),
        REVISION => name.eq_ignore_ascii_case(X_REVISION.as_str()),
        _ => false,
    }
}
