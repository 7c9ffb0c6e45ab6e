//! Who answers a request, and what the client is told besides.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use deploy_spec::SessionSource;
use dispatch::{Ask, Asked, Choice, Matched, NoChoice, Pin, SessionId, Table, Why, choose};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use ingress::Peer;
use telemetry::Trace;
use workload::Body;

use crate::ambient::now_s;
use crate::backend::Backend;
use crate::farewell::Manner;
use crate::forward::X_REVISION;
use crate::in_flight::{Answer, Ticket};
use crate::preview;
use crate::says::{Says, text};
use crate::service::Front;
use crate::shadow::Witness;
use crate::trail::{Chosen, Trail};

static X_TENANT: HeaderName = HeaderName::from_static("x-greentic-tenant");
static X_TEAM: HeaderName = HeaderName::from_static("x-greentic-team");

/// Who answers, and what the client is told besides.
pub(crate) struct Plan {
    pub(crate) backend: Arc<Backend>,
    ticket: Ticket,
    pub(crate) cookie: Option<HeaderValue>,
    pub(crate) tell_revision: bool,
    /// Who is told what the client is sent.
    pub(crate) witness: Option<Box<Witness>>,
    /// Why this revision.
    pub(crate) why: Why,
    /// Which of its packs answers, as its meters count them, once that is known.
    pub(crate) part: Option<usize>,
    begun: Instant,
}

/// Who asks, and what is known of it besides what it says.
#[derive(Clone, Copy)]
pub(crate) struct Client<'p> {
    pub(crate) peer: &'p Peer,
    /// Whether what it says for others is believed.
    pub(crate) trusted: bool,
    /// What replicas agreed that its session has, where they were asked.
    pub(crate) pin: Option<Pin>,
    /// 128 random bits, for its ids.
    pub(crate) random: u128,
    /// Where it is in its trace.
    pub(crate) trace: Trace,
}

/// The deployment that answers.
pub(crate) type Found<'t> = Matched<'t, Arc<Backend>>;

impl Front {
    /// The deployment that answers; none if nothing is deployed there.
    pub(crate) fn find<'t>(
        &self,
        table: &'t Table<Arc<Backend>>,
        said: &impl Says,
        path: &str,
    ) -> Option<Found<'t>> {
        table.find(&Asked {
            host: host_without_port(said.host().unwrap_or_default()),
            path,
            tenant: said.text(&X_TENANT),
            team: said.text(&X_TEAM),
        })
    }

    /// Picks the revision.
    pub(crate) fn plan(
        &self,
        found: &Found<'_>,
        said: &impl Says,
        client: Client<'_>,
    ) -> Result<Plan, NoChoice> {
        let Client { peer, trusted, pin, .. } = client;
        let deployment = found.deployment;
        let (cookies, name) = (cookies(said), session_name(found));
        let mut ask = ask(found, said, cookies.as_deref(), name.as_ref(), trusted);
        ask.pin = pin;
        let keys = self.plane.keys();
        let mut choice = choose(deployment, &ask, &keys)?;
        if let (Some(proposed), Some(session)) = (choice.pin, ask.session_header) {
            let pins = &self.plane.sessions().pins;
            let known = pins.remember(&deployment.pin_name(session), proposed, ask.now_s);
            if known != proposed {
                ask.pin = Some(known);
                choice = choose(deployment, &ask, &keys)?;
            }
        }
        let Choice { live, cookie, why, .. } = choice;
        let backend = Arc::clone(&live.backend);
        let cookie = cookie.and_then(|cookie| set_cookie(&cookie, found.prefix.as_str(), peer.tls));
        let ticket = backend.in_flight.begin();
        let tell_revision = self.plane.host_config().revision_header;
        let (part, witness, begun) = (None, None, Instant::now());
        Ok(Plan { backend, ticket, cookie, tell_revision, witness, why, part, begun })
    }

    /// What replicas agree that the session of a request has; none where nobody is to be asked.
    pub(crate) async fn pinned(&self, said: &impl Says, path: &str, trusted: bool) -> Option<Pin> {
        let sessions = self.plane.sessions();
        if !sessions.pins.are_shared() {
            return None;
        }
        let table = self.plane.table();
        let found = self.find(&table, said, path)?;
        let (cookies, name) = (cookies(said), session_name(&found));
        let ask = ask(&found, said, cookies.as_deref(), name.as_ref(), trusted);
        let session = ask.session_header?;
        let proposed = choose(found.deployment, &ask, &self.plane.keys()).ok()?.pin?;
        let name = found.deployment.pin_name(session);
        Some(sessions.pins.agree(&name, proposed, ask.now_s).await)
    }
}

/// The header that names the session, where one does.
fn session_name(found: &Found<'_>) -> Option<HeaderName> {
    match found.deployment.session() {
        SessionSource::Header(name) => HeaderName::from_bytes(name.as_bytes()).ok(),
        SessionSource::Cookie | SessionSource::None => None,
    }
}

/// What is known of a request.
fn ask<'a>(
    found: &Found<'_>,
    said: &'a impl Says,
    cookies: Option<&'a str>,
    session_name: Option<&'a HeaderName>,
    trusted: bool,
) -> Ask<'a> {
    Ask {
        forced: if trusted { said.text(&X_REVISION) } else { None },
        preview: preview::brought(said, cookies, found.deployment.preview_name()),
        cookie: cookies,
        session_header: session_name.and_then(|name| said.first(name)),
        pin: None,
        now_s: now_s(),
        fresh: SessionId(rand::random()),
    }
}

impl Plan {
    /// What is told of who answers.
    pub(crate) fn chosen<'f>(&self, found: &Found<'f>) -> Chosen<'f> {
        Chosen {
            served: self.backend.served(),
            prefix: found.prefix.as_str(),
            generation: found.deployment.split_generation(),
            why: self.why,
        }
    }

    /// Counts the answer, whose head is here.
    pub(crate) fn count(&self, status: StatusCode) {
        self.backend.meters.record(self.part, status.as_u16(), self.begun.elapsed());
    }

    /// The answer of the workload, with what the client is told besides.
    pub(crate) fn finish(self, mut response: Response<Body>, mut trail: Trail) -> Response<Answer> {
        self.count(response.status());
        let mut witness = self.witness;
        if let Some(witness) = &mut witness {
            witness.see(&response);
        }
        trail.answers(&response);
        let headers = response.headers_mut();
        headers.remove(&X_REVISION);
        if self.tell_revision {
            headers.insert(&X_REVISION, self.backend.name.clone());
        }
        if let Some(cookie) = self.cookie {
            headers.append(header::SET_COOKIE, cookie);
        }
        let manner = Manner::of(&response);
        response.map(|body| Answer::new(body, manner, self.ticket, trail).seen_by(witness))
    }
}

/// HTTP/2 clients may split their cookies over several fields (RFC 9113 §8.2.3).
fn cookies(said: &impl Says) -> Option<Cow<'_, str>> {
    let mut fields = said.each(&header::COOKIE).filter_map(text);
    let first = fields.next()?;
    match fields.next() {
        None => Some(first.into()),
        Some(second) => {
            let mut all = format!("{first}; {second}");
            for field in fields {
                all.push_str("; ");
                all.push_str(field);
            }
            Some(all.into())
        }
    }
}

fn host_without_port(host: &str) -> &str {
    let Some(colon) = memchr::memrchr(b':', host.as_bytes()) else { return host };
    let is_port = host.bytes().skip(colon + 1).all(|byte| byte.is_ascii_digit());
    if is_port { &host[..colon] } else { host }
}

fn set_cookie(cookie: &str, prefix: &str, tls: bool) -> Option<HeaderValue> {
    let secure = if tls { "; Secure" } else { "" };
    let age = dispatch::LIFETIME_S;
    HeaderValue::from_str(&format!(
        "{cookie}; Path={prefix}; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"
    ))
    .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_part_of_the_host() {
        for (host, name) in [
            ("a.test", "a.test"),
            ("a.test:80", "a.test"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(host_without_port(host), name);
        }
    }
}
