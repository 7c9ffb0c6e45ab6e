//! From a request to its answer: route, choose, tell the workload, tell the client.

use std::sync::Arc;

use deploy_spec::SessionSource;
use dispatch::{Ask, Asked, Choice, NoChoice, SessionId, choose};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use ingress::{Peer, Service};
use workload::Body;

use crate::ambient::now_s;
use crate::answer::short;
use crate::backend::Backend;
use crate::forward::{X_REVISION, admit, announce};
use crate::in_flight::{Answer, Ticket};
use crate::plane::Plane;

const X_TENANT: HeaderName = HeaderName::from_static("x-greentic-tenant");
const X_TEAM: HeaderName = HeaderName::from_static("x-greentic-team");

/// The front of the data plane: what the sockets talk to.
pub struct Front {
    plane: Arc<Plane>,
}

impl Front {
    /// The front of `plane`.
    #[must_use]
    pub const fn new(plane: Arc<Plane>) -> Self {
        Self { plane }
    }
}

/// Who answers, and what the client is told besides.
struct Plan {
    backend: Arc<Backend>,
    ticket: Ticket,
    cookie: Option<HeaderValue>,
    tell_revision: bool,
}

impl Service for Front {
    type Body = Answer;

    async fn call(&self, mut request: Request<ingress::Body>, peer: &Peer) -> Response<Answer> {
        let plan = match self.plan(&mut request, peer) {
            Ok(plan) => plan,
            Err(response) => return (*response).map(Answer::from),
        };
        let workload = match plan.backend.workload() {
            Ok(workload) => workload,
            Err(fault) => {
                tracing::error!(%fault, "a revision cannot be loaded");
                plan.backend.count(StatusCode::SERVICE_UNAVAILABLE);
                let why = "this revision cannot be loaded";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return short(status, "unavailable", why, request.headers()).map(Answer::from);
            }
        };
        let mut response = workload.respond(request).await;
        plan.backend.count(response.status());
        let headers = response.headers_mut();
        headers.remove(X_REVISION);
        if plan.tell_revision {
            headers.insert(X_REVISION, plan.backend.name.clone());
        }
        if let Some(cookie) = plan.cookie {
            headers.append(header::SET_COOKIE, cookie);
        }
        response.map(|body| Answer::new(body, plan.ticket))
    }
}

impl Front {
    /// Finds who answers and makes the request what they may see.
    fn plan(
        &self,
        request: &mut Request<ingress::Body>,
        peer: &Peer,
    ) -> Result<Plan, Box<Response<Body>>> {
        let host_config = self.plane.host_config();
        let trusted = admit(request.headers_mut(), peer.address.ip(), &host_config.trusted_peers);
        let table = self.plane.table();
        let headers = request.headers();
        let asked = Asked {
            host: host_without_port(text(headers, &header::HOST).unwrap_or_default()),
            path: request.uri().path(),
            tenant: text(headers, &X_TENANT),
            team: text(headers, &X_TEAM),
        };
        let Some(found) = table.find(&asked) else {
            let why = "nothing is deployed at this address";
            return Err(Box::new(short(StatusCode::NOT_FOUND, "not-found", why, headers)));
        };
        let session_header = match found.deployment.session() {
            SessionSource::Header(name) => headers.get(name.as_str()).map(HeaderValue::as_bytes),
            SessionSource::Cookie | SessionSource::None => None,
        };
        let cookies = cookies(headers);
        let random: u128 = rand::random();
        let ask = Ask {
            forced: if trusted { text(headers, &X_REVISION) } else { None },
            cookie: cookies.as_deref(),
            session_header,
            now_s: now_s(),
            fresh: SessionId(rand::random()),
        };
        let chosen = choose(found.deployment, &ask, self.plane.keys());
        let Choice { live, cookie, .. } = chosen.map_err(|why| Box::new(refusal(why, headers)))?;
        let prefix = found.prefix.as_str();
        let backend = Arc::clone(&live.backend);
        let cookie = cookie.and_then(|cookie| set_cookie(&cookie, prefix, peer.tls));
        let rest = found.prefix.rest(request.uri().path()).map(str::to_owned);
        announce(request.headers_mut(), peer, prefix, &backend, random);
        if let (false, Some(rest)) = (found.prefix.is_root(), rest) {
            shorten(request, &rest);
        }
        let ticket = backend.in_flight.begin();
        Ok(Plan { backend, ticket, cookie, tell_revision: host_config.revision_header })
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

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// HTTP/2 clients may split their cookies over several fields (RFC 9113 §8.2.3).
fn cookies(headers: &HeaderMap) -> Option<std::borrow::Cow<'_, str>> {
    let mut fields = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
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
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn set_cookie(cookie: &str, prefix: &str, tls: bool) -> Option<HeaderValue> {
    let secure = if tls { "; Secure" } else { "" };
    let age = dispatch::LIFETIME_S;
    HeaderValue::from_str(&format!(
        "{cookie}; Path={prefix}; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"
    ))
    .ok()
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

    #[test]
    fn the_query_survives_a_shorter_path() {
        let mut request = Request::get("/shop/cart?x=1").body(()).unwrap();
        shorten(&mut request, "/cart");
        assert_eq!(request.uri(), "/cart?x=1");
    }
}
