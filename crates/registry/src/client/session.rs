//! One repository of one registry: where it is asked, and who is asking.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use deploy_spec::{Digest, Fault};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::auth::{Access, Auth, Scope};
use crate::document::media;
use crate::failure;
use crate::http::{Answer, Ask, Http, Origin, Outgoing, Url};
use crate::options::Limits;
use crate::reference::{HostPort, OciReference};
use crate::text::shown;

/// Where Docker Hub answers.
const HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

pub(super) struct Session<'a> {
    pub(super) http: &'a Http,
    pub(super) auth: &'a Auth,
    /// Where unfinished uploads are remembered.
    pub(super) uploads: Option<&'a Path>,
    pub(super) reference: OciReference,
    origin: Origin,
    scope: Scope,
}

/// A manifest as it was sent, hashed.
pub(super) struct Fetched {
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) bytes: Bytes,
}

impl<'a> Session<'a> {
    /// # Errors
    /// `unavailable` when it has to be found out how the registry is spoken to, and cannot.
    pub(super) async fn open(
        http: &'a Http,
        auth: &'a Auth,
        reference: &OciReference,
        access: Access,
    ) -> Result<Self, Fault> {
        let (host, repository) = api(reference)?;
        let registry = reference.registry().clone();
        let origin = http.connector().origin(&host).await?;
        let scope = Scope { registry, repository, access };
        Ok(Self { http, auth, uploads: None, reference: reference.clone(), origin, scope })
    }

    pub(super) fn limits(&self) -> &Limits {
        self.http.limits()
    }

    /// Something of this repository: `manifests/…`, `blobs/…`.
    pub(super) fn url(&self, path: &str) -> Url {
        let target = format!("/v2/{}/{path}", self.scope.repository);
        Url { origin: self.origin.clone(), target }
    }

    /// Sends a request as somebody the registry knows, if it wants to know.
    ///
    /// # Errors
    /// `unavailable` when no answer arrives; `refused` when nothing we have convinces it.
    pub(super) async fn send(&self, mut ask: Ask) -> Result<Answer, Fault> {
        self.identify(&mut ask)?;
        let answer = self.http.send(ask.clone()).await?;
        if answer.status() != StatusCode::UNAUTHORIZED || *answer.from() != self.origin {
            return Ok(answer);
        }
        let proof = self.prove(&answer).await?;
        answer.discard().await;
        ask.headers.insert(AUTHORIZATION, proof);
        self.http.send(ask).await
    }

    /// Sends a body that is read once.
    ///
    /// # Errors
    /// As [`Session::send`], and `unavailable` when the registry had to be convinced anew: the
    /// body is gone, and the next attempt is made with another proof.
    pub(super) async fn stream(&self, mut ask: Ask, body: Outgoing) -> Result<Answer, Fault> {
        self.identify(&mut ask)?;
        let answer = self.http.stream(&ask, body).await?;
        if answer.status() != StatusCode::UNAUTHORIZED || *answer.from() != self.origin {
            return Ok(answer);
        }
        let proof = self.prove(&answer).await?;
        if ask.headers.get(AUTHORIZATION) == Some(&proof) {
            return Ok(answer);
        }
        Err(Fault::unavailable(format!("{} wanted a new proof of who we are", self.origin)))
    }

    /// Credentials go to the registry and nowhere else.
    fn identify(&self, ask: &mut Ask) -> Result<(), Fault> {
        if ask.url.origin != self.origin {
            return self.http.connector().permit(&self.origin, &ask.url.origin);
        }
        if let Some(proof) = self.auth.known(&self.scope, Instant::now()) {
            ask.headers.insert(AUTHORIZATION, proof);
        }
        Ok(())
    }

    async fn prove(&self, answer: &Answer) -> Result<HeaderValue, Fault> {
        self.auth.answer(self.http, &self.origin, &self.scope, answer.headers()).await
    }

    /// The failure that an answer is, when `what` was asked for.
    pub(super) async fn failure(&self, what: &str, answer: Answer) -> Fault {
        let status = answer.status();
        let body = answer.whole(self.limits().answer_bytes).await.unwrap_or_default();
        failure::of(what, &self.scope.registry, status, &body)
    }

    /// The manifest of this tag or digest, of whatever type.
    ///
    /// # Errors
    /// `not-found`; `refused` when what is sent is not what was asked for; else as
    /// [`Session::send`].
    pub(super) async fn manifest(&self, target: &str) -> Result<Fetched, Fault> {
        let what = format!("reading `{target}` of {}", self.place());
        let mut headers = HeaderMap::new();
        for kind in [media::MANIFEST, media::INDEX] {
            headers.append(ACCEPT, HeaderValue::from_static(kind));
        }
        let url = self.url(&format!("manifests/{target}"));
        let ask = Ask { method: Method::GET, url, headers, body: Bytes::new() };
        let answer = self.send(ask).await?;
        if answer.status() != StatusCode::OK {
            return Err(self.failure(&what, answer).await);
        }
        let media_type = answer.header(CONTENT_TYPE).unwrap_or_default().to_owned();
        let claimed = answer.header("docker-content-digest").map(str::to_owned);
        let bytes = answer.whole(self.limits().manifest_bytes).await?;
        let digest = Digest::of(&bytes);
        let claims = [claimed.as_deref(), Some(target)].into_iter().flatten();
        for claim in claims.filter(|claim| claim.starts_with("sha256:")) {
            if claim != digest.as_str() {
                return Err(mismatch(&what, claim, &digest));
            }
        }
        Ok(Fetched { digest, media_type, bytes })
    }

    /// The repository, for messages.
    pub(super) fn place(&self) -> String {
        format!("{}/{}", self.scope.registry, self.scope.repository)
    }
}

/// The host that answers for a registry, and what it calls the repository.
fn api(reference: &OciReference) -> Result<(HostPort, String), Fault> {
    let (registry, repository) = (reference.registry(), reference.repository());
    let (name, host) = HUB;
    if registry.host() != name || registry.port().is_some() {
        return Ok((registry.clone(), repository.to_owned()));
    }
    let prefix = if repository.contains('/') { "" } else { "library/" };
    let host = HostPort::parse(host).map_err(Fault::internal)?;
    Ok((host, format!("{prefix}{repository}")))
}

/// Other bytes arrived than were asked for.
pub(super) fn mismatch(what: &str, expected: &str, found: &Digest) -> Fault {
    Fault::refused(format!("{what}: the bytes that arrived are {found}, not {}", shown(expected)))
        .detail("expected", expected)
        .detail("found", found.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_answers_under_another_name() {
        for (reference, at) in [
            ("docker.io/x:1", "registry-1.docker.io library/x"),
            ("docker.io/a/x", "registry-1.docker.io a/x"),
            ("docker.io:5000/x", "docker.io:5000 x"),
            ("ghcr.io/x", "ghcr.io x"),
        ] {
            let (host, repository) = api(&OciReference::parse(reference).unwrap()).unwrap();
            assert_eq!(format!("{host} {repository}"), at);
        }
    }
}
