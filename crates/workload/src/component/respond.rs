//! One request: a fresh instance, its handler called, its answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use deploy_spec::{Limits, PackId};
use http::{HeaderValue, Request, Response, header};
use tokio::sync::oneshot;
use wasmtime::component::Resource;
use wasmtime::{PoolConcurrencyLimitError, Store};
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};
use wasmtime_wasi_http::{Error, WasiHttpView as _};

use super::guest::{Granted, Guest};
use super::reply::reply;
use super::running::Running;
use super::ticker::Ticker;
use crate::body::{Body, BoxError};
use crate::failure::Failure;

/// A component that is ready to be instantiated.
pub(crate) struct ComponentPack {
    pub(super) pre: ProxyPre<Guest>,
    pub(super) shared: Arc<Shared>,
}

/// What all instances of a pack share.
pub(super) struct Shared {
    pub(super) pack_id: PackId,
    pub(super) limits: Limits,
    pub(super) egress: Vec<String>,
    pub(super) given: Arc<Granted>,
    pub(super) ticker: Arc<Ticker>,
}

impl Shared {
    pub(super) fn time_limit(&self) -> Duration {
        Duration::from_millis(self.limits.timeout_ms.into())
    }
}

/// What a guest passes to `response-outparam.set`.
pub(super) type Answer = Result<Response<HyperOutgoingBody>, ErrorCode>;

impl ComponentPack {
    pub(crate) async fn respond<B>(self: Arc<Self>, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (sender, mut receiver) = oneshot::channel();
        let Ok((store, request, out)) = self.prepare(request, sender) else {
            return Failure::BadRequest.response();
        };
        let shared = Arc::clone(&self.shared);
        let mut running = Running::new(shared, Box::pin(self.call(store, request, out)));
        let (ended, answer) = std::future::poll_fn(|cx| {
            if let Poll::Ready(ended) = Pin::new(&mut running).poll(cx) {
                return Poll::Ready((Some(ended), receiver.try_recv().ok()));
            }
            match Pin::new(&mut receiver).poll(cx) {
                Poll::Ready(Ok(answer)) => Poll::Ready((None, Some(answer))),
                // The outparam was dropped unused; the guest's end tells why.
                Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
            }
        })
        .await;
        match ended {
            Some(Err(failure)) => failure.response(),
            Some(Ok(())) => reply(answer, None),
            None => reply(answer, Some(running)),
        }
    }

    /// The store of a fresh instance, with the request in it.
    fn prepare<B>(
        &self,
        request: Request<B>,
        sender: oneshot::Sender<Answer>,
    ) -> wasmtime::Result<(
        Store<Guest>,
        Resource<HostIncomingRequest>,
        Resource<HostResponseOutparam>,
    )>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let mut store = Store::new(self.pre.engine(), Guest::new(Arc::clone(&self.shared)));
        store.limiter(|guest| &mut guest.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let (scheme, request) = incoming(request);
        let mut http = store.data_mut().http();
        let request = http.new_incoming_request(scheme, request)?;
        let out = http.new_response_outparam(sender)?;
        Ok((store, request, out))
    }

    /// Instantiates the component and runs its handler to the end.
    async fn call(
        self: Arc<Self>,
        mut store: Store<Guest>,
        request: Resource<HostIncomingRequest>,
        out: Resource<HostResponseOutparam>,
    ) -> Result<(), Failure> {
        let result = match self.pre.instantiate_async(&mut store).await {
            Ok(proxy) => {
                proxy.wasi_http_incoming_handler().call_handle(&mut store, request, out).await
            }
            Err(error) => Err(error),
        };
        result.map_err(|error| self.failed(&error, store.data()))
    }

    fn failed(&self, error: &wasmtime::Error, guest: &Guest) -> Failure {
        let Shared { pack_id: pack, given, .. } = &*self.shared;
        let revision = &given.name;
        if error.is::<PoolConcurrencyLimitError>() {
            tracing::warn!(revision, %pack, "request turned away: every instance is in use");
            return Failure::Busy;
        }
        if guest.memory.was_denied {
            let limit_mb = self.shared.limits.memory_mb;
            tracing::warn!(revision, %pack, limit_mb, "component stopped: out of memory: {error:#}");
            return Failure::OutOfMemory;
        }
        tracing::warn!(revision, %pack, "component failed: {error:#}");
        Failure::Failed
    }
}

/// The request as `wasi:http` wants it: with a scheme, a host, and its kind of body error.
fn incoming<B>(
    mut request: Request<B>,
) -> (Scheme, Request<impl http_body::Body<Data = Bytes, Error = Error> + Send + 'static>)
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    use http_body_util::BodyExt as _;
    let proto = request.headers().get("x-forwarded-proto");
    let scheme = match proto {
        Some(proto) if proto.as_bytes().eq_ignore_ascii_case(b"https") => Scheme::Https,
        _ => Scheme::Http,
    };
    if request.uri().authority().is_none() {
        let host = request.headers_mut().entry(header::HOST);
        host.or_insert(HeaderValue::from_static("localhost"));
    }
    let error = |error: B::Error| Error::InternalError(Some(error.into().to_string()));
    (scheme, request.map(|body| body.map_err(error)))
}
