//! One request: an instance, its handler called, its answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use deploy_spec::{Limits, PackId};
use http::{Request, Response};
use tokio::sync::oneshot;
use wasmtime::PoolConcurrencyLimitError;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::guest::{Granted, Guest};
use super::instance::{Asked, Instance, store};
use super::reply::reply;
use super::running::Running;
use super::shelf::{Shelf, Shelves};
use super::ticker::Ticker;
use crate::body::{Body, BoxError};
use crate::failure::Failure;

/// A component that is ready to be instantiated.
pub(crate) struct ComponentPack {
    pub(super) pre: ProxyPre<Guest>,
    pub(super) shared: Arc<Shared>,
    /// None where each request gets a fresh instance.
    pub(super) kept: Option<Kept>,
    pub(super) shelves: Arc<Shelves<Instance>>,
}

/// The instances of a pack that serve more than one request.
pub(super) struct Kept {
    pub(super) idle: Arc<Shelf<Instance>>,
    /// After how many requests one is thrown away.
    pub(super) requests: u32,
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
        let mut instance = self.instance();
        let Ok(asked) = instance.begin(request, sender) else {
            return Failure::BadRequest.response();
        };
        let call = Arc::clone(&self).call(instance, asked);
        let mut running = Running::new(Arc::clone(&self), Box::pin(call));
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
            Some(Ok(instance)) => {
                // Who gave no answer is not asked again.
                if matches!(answer, Some(Ok(_))) {
                    self.keep(instance);
                }
                reply(answer, None)
            }
            None => reply(answer, Some(running)),
        }
    }

    /// An idle instance, or a fresh one.
    fn instance(&self) -> Instance {
        let idle = self.kept.as_ref().and_then(|kept| kept.idle.take());
        idle.unwrap_or_else(|| Instance::new(self.pre.engine(), &self.shared))
    }

    /// Keeps an instance that has answered, if it may serve again.
    pub(super) fn keep(&self, mut instance: Instance) {
        let kept = self.kept.as_ref().filter(|kept| instance.may_go_on(kept.requests));
        if let Some(kept) = kept {
            kept.idle.put(instance);
        }
    }

    /// Instantiates the component, if it is not yet, and runs its handler to the end.
    async fn call(
        self: Arc<Self>,
        mut instance: Instance,
        (request, out): Asked,
    ) -> Result<Instance, Failure> {
        if instance.proxy.is_none() {
            instance = self.instantiate(instance).await?;
        }
        let Instance { store, proxy, .. } = &mut instance;
        // It was instantiated just above, or before.
        let Some(proxy) = proxy else { return Err(Failure::Failed) };
        let handler = proxy.wasi_http_incoming_handler();
        match handler.call_handle(&mut *store, request, out).await {
            Ok(()) => Ok(instance),
            Err(error) => Err(self.failed(&error, store.data())),
        }
    }

    /// Takes a place in the pool; from an idle instance when all places are taken.
    async fn instantiate(&self, mut instance: Instance) -> Result<Instance, Failure> {
        loop {
            match self.pre.instantiate_async(&mut instance.store).await {
                Ok(proxy) => {
                    instance.proxy = Some(proxy);
                    return Ok(instance);
                }
                Err(error) if error.is::<PoolConcurrencyLimitError>() && self.shelves.evict() => {
                    let mut guest = instance.store.into_data();
                    guest.begin_anew();
                    instance.store = store(self.pre.engine(), guest);
                }
                Err(error) => return Err(self.failed(&error, instance.store.data())),
            }
        }
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
