//! One instance of a component: made for a request, and kept for others where its pack allows it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use tokio::sync::oneshot;
use wasmtime::component::Resource;
use wasmtime::{Engine, Store};
use wasmtime_wasi_http::p2::bindings::Proxy;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};
use wasmtime_wasi_http::{Error, WasiHttpView as _};

use super::guest::Guest;
use super::respond::{Answer, Shared};
use crate::body::BoxError;

/// An instance, or what will be one when its component is called first.
pub(super) struct Instance {
    pub(super) store: Store<Guest>,
    /// Its exports; none before it is instantiated.
    pub(super) proxy: Option<Proxy>,
    /// How many requests it has begun to serve.
    served: u32,
}

/// A request in the table of an instance, and where its answer goes.
pub(super) type Asked = (Resource<HostIncomingRequest>, Resource<HostResponseOutparam>);

impl Instance {
    pub(super) fn new(engine: &Engine, shared: &Arc<Shared>) -> Self {
        let guest = Guest::new(Arc::clone(shared));
        Self { store: store(engine, guest), proxy: None, served: 0 }
    }

    /// Takes a request in.
    ///
    /// # Errors
    /// When the request names no host that can be read.
    pub(super) fn begin<B>(
        &mut self,
        request: Request<B>,
        sender: oneshot::Sender<Answer>,
    ) -> wasmtime::Result<Asked>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.served += 1;
        self.store.set_epoch_deadline(1);
        let (scheme, request) = incoming(request);
        let mut http = self.store.data_mut().http();
        let request = http.new_incoming_request(scheme, request)?;
        Ok((request, http.new_response_outparam(sender)?))
    }

    /// Whether it may serve another request, of which it serves `requests` at most. It must have
    /// come to the end of the one before without a trap.
    pub(super) fn may_go_on(&mut self, requests: u32) -> bool {
        self.served < requests && self.store.data_mut().is_done_with_its_request()
    }
}

/// A store that holds a guest to its limits.
pub(super) fn store(engine: &Engine, guest: Guest) -> Store<Guest> {
    let mut store = Store::new(engine, guest);
    store.limiter(|guest| &mut guest.memory);
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    store
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
