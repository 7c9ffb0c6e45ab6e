//! Shadow traffic: a second revision answers a request as well, and what both say is compared.
//! Nobody is sent what the second one says, and nobody waits for it.

mod account;
mod tally;

pub(crate) use tally::Tally;
pub use tally::{Difference, ShadowStatus};

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deploy_spec::{RevisionId, Shadow};
use dispatch::Deployment;
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty};
use tokio::sync::oneshot;
use tokio::time::timeout;
use workload::{Body, Workload};

use crate::ambient;
use crate::backend::Backend;
use crate::forward::X_REVISION;
use account::Account;
use tally::Place;

/// Tells a workload that nobody will see its answer.
pub(crate) static X_SHADOW: HeaderName = HeaderName::from_static("x-greentic-shadow");
/// How long either of the two may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest path that is noted.
const PATH_MAX: usize = 512;

/// A request that was drawn to be answered twice.
pub(crate) struct Drawn {
    place: Place,
    backend: Arc<Backend>,
    workload: Arc<Workload>,
    shadow: Shadow,
    answered_by: RevisionId,
    /// As the client wrote it.
    path: String,
}

/// Whether some requests of a deployment are answered twice, this one perhaps.
pub(crate) fn may_cast<B>(deployment: &Deployment<B>, method: &http::Method) -> bool {
    method.is_safe() && deployment.shadow().is_some()
}

/// Draws whether a request is answered by the shadow as well, which is none that changes anything,
/// has a body or asks for another protocol.
pub(crate) fn draw<B: http_body::Body>(
    deployment: &Deployment<Arc<Backend>>,
    answers: &Arc<Backend>,
    request: &Request<B>,
) -> Option<Drawn> {
    let (shadow, live) = deployment.shadow_of(answers.revision_id, ambient::roll())?;
    let is_plain = request.method().is_safe()
        && request.body().is_end_stream()
        && !request.headers().contains_key(header::UPGRADE);
    let backend = &live.backend;
    if !is_plain || !backend.is_prepared() {
        return None;
    }
    Some(Drawn {
        place: backend.tally.place()?,
        workload: Arc::clone(backend.loaded()?),
        backend: Arc::clone(backend),
        shadow: shadow.clone(),
        answered_by: answers.revision_id,
        path: request.uri().path().chars().take(PATH_MAX).collect(),
    })
}

impl Drawn {
    /// Has the shadow answer a request that is ready for a workload.
    pub(crate) fn cast<B>(self, request: &Request<B>) -> Box<Witness> {
        let mut copy = Request::new(Empty::<Bytes>::new());
        copy.method_mut().clone_from(request.method());
        copy.uri_mut().clone_from(request.uri());
        *copy.version_mut() = request.version();
        copy.headers_mut().clone_from(request.headers());
        copy.headers_mut().insert(&X_REVISION, self.backend.name.clone());
        copy.headers_mut().insert(&X_SHADOW, HeaderValue::from_static("1"));
        let (tell, told) = oneshot::channel();
        tokio::spawn(self.compare(copy, told));
        Box::new(Witness { account: None, ended: false, tell: Some(tell) })
    }

    async fn compare(self, copy: Request<Empty<Bytes>>, told: oneshot::Receiver<Account>) {
        let ticket = self.backend.in_flight.begin();
        let method = copy.method().to_string();
        let answered = timeout(PATIENCE, listen(&self.workload, copy)).await;
        drop(ticket);
        // Nobody tells of an answer that the client did not get to its end.
        let Ok(Ok(seen)) = timeout(PATIENCE, told).await else { return self.place.skipped() };
        let Ok(Some(answered)) = answered else { return self.place.failed() };
        let differences = seen.differences(answered, &self.shadow.ignore_headers);
        self.place.compared(differences.map(|found| Difference {
            at: ambient::now(),
            method,
            path: self.path,
            answered_by: self.answered_by,
            found,
        }));
    }
}

/// What the shadow says, to its end; none when it broke off.
async fn listen(workload: &Arc<Workload>, request: Request<Empty<Bytes>>) -> Option<Account> {
    let response = workload.respond(request).await;
    let mut account = Account::of(&response);
    let mut body = response.into_body();
    while account.has_a_body()
        && let Some(frame) = body.frame().await
    {
        if let Some(data) = frame.ok()?.data_ref() {
            account.add(data);
        }
    }
    Some(account)
}

/// Watches what the client is sent, and tells it when it is over. Boxed, because few requests have
/// one.
#[derive(Debug)]
pub(crate) struct Witness {
    account: Option<Account>,
    ended: bool,
    tell: Option<oneshot::Sender<Account>>,
}

impl Witness {
    /// Sees the head of the answer.
    pub(crate) fn see(&mut self, response: &Response<Body>) {
        let account = self.account.insert(Account::of(response));
        // An empty body may never be asked for.
        self.ended = response.body().is_end_stream();
        if !account.has_a_body() {
            self.tell();
        }
    }

    /// Sees a piece of its body; `ends` when it is the last.
    pub(crate) fn add(&mut self, data: &[u8], ends: bool) {
        if let Some(account) = &mut self.account {
            account.add(data);
        }
        self.ended |= ends;
    }

    /// Sees the end.
    pub(crate) const fn end(&mut self) {
        self.ended = true;
    }

    fn tell(&mut self) {
        if let (Some(tell), Some(account)) = (self.tell.take(), self.account.take()) {
            // Who compares may have lost its patience.
            drop(tell.send(account));
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if self.ended {
            self.tell();
        }
    }
}
