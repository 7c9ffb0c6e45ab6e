//! The admin API of a running data plane, on a Unix socket that only its owner can open.
//!
//! Same documents, envelope, kinds and laws as the command line.

use std::os::unix::net::UnixListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use bytes::Bytes;
use control::revisions::Warm;
use control::{Call, Reply, Verb as _};
use deploy_spec::{Fault, document};
use serde_json::{Value, json};
use store::EnvironmentStore;

use crate::access::permit;
use crate::metrics;
use crate::plane::Plane;
use crate::warm::warm;

/// The largest answers document, in bytes.
const DOCUMENT_MAX: usize = 1024 * 1024;

#[derive(Clone)]
struct Admin {
    plane: Arc<Plane>,
    store: Option<EnvironmentStore>,
}

/// Who is at the other end of the socket, as the kernel says.
#[derive(Debug, Clone, Copy)]
struct PeerUid(Option<u32>);

impl Connected<IncomingStream<'_, tokio::net::UnixListener>> for PeerUid {
    fn connect_info(stream: IncomingStream<'_, tokio::net::UnixListener>) -> Self {
        Self(stream.io().peer_cred().ok().map(|peer| peer.uid()))
    }
}

/// Answers on `listener` for as long as the future is polled. Without a store nothing can be
/// changed here, only looked at.
///
/// # Errors
/// `unavailable` when the socket cannot be used.
pub async fn serve(
    listener: UnixListener,
    plane: Arc<Plane>,
    store: Option<EnvironmentStore>,
) -> Result<(), Fault> {
    let failed = |error: std::io::Error| Fault::unavailable(format!("the admin socket: {error}"));
    let listener = tokio::net::UnixListener::from_std(listener).map_err(failed)?;
    let routes = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .route("/deployments/warm", post(warm_revision))
        .layer(DefaultBodyLimit::max(DOCUMENT_MAX))
        .with_state(Admin { plane, store });
    axum::serve(listener, routes.into_make_service_with_connect_info::<PeerUid>())
        .await
        .map_err(failed)
}

/// The process answers only once it serves, so an answer is the proof.
async fn readyz() -> &'static str {
    "ready\n"
}

async fn status(State(admin): State<Admin>) -> Response {
    result("serve", "status", &json!(admin.plane.status()))
}

async fn metrics(State(admin): State<Admin>) -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], admin.plane.metrics()).into_response()
}

async fn warm_revision(
    State(admin): State<Admin>,
    ConnectInfo(PeerUid(uid)): ConnectInfo<PeerUid>,
    body: Bytes,
) -> Response {
    let asked = tokio::task::spawn_blocking(move || run_warm(&admin, uid, &body)).await;
    match asked.unwrap_or_else(|_| Err(Fault::internal("warming a revision panicked"))) {
        Ok(Reply::Result(raw)) => envelope(
            StatusCode::OK,
            format!("{{\"noun\":\"revisions\",\"op\":\"warm\",\"result\":{}}}\n", raw.get()),
        ),
        Ok(Reply::Error(fault)) | Err(fault) => error(Warm::NOUN, Warm::OP, &fault),
    }
}

fn run_warm(admin: &Admin, uid: Option<u32>, body: &[u8]) -> Result<Reply, Fault> {
    let store = admin.store.as_ref().ok_or_else(|| {
        Fault::refused("this data plane serves from a document; nothing can be changed here")
    })?;
    let uid = uid.ok_or_else(|| Fault::refused("the system does not say who asks"))?;
    let answers: Value = document::from_json(body)?;
    let call = Call::from_document(answers)?;
    if call.environment_id != *store.id() {
        return Err(Fault::invalid(format!("this data plane serves `{}`", store.id()))
            .at("/environment_id"));
    }
    let context = permit(store, (Warm::NOUN, Warm::OP), uid)?;
    let engine = || Ok(admin.plane.engine().clone());
    warm(store, engine, Some(&admin.plane), &call, &context).map(|executed| executed.reply)
}

fn result(noun: &str, op: &str, result: &Value) -> Response {
    let result = serde_json::to_string(result).unwrap_or_default();
    envelope(
        StatusCode::OK,
        format!("{{\"noun\":\"{noun}\",\"op\":\"{op}\",\"result\":{result}}}\n"),
    )
}

fn error(noun: &str, op: &str, fault: &Fault) -> Response {
    let status = StatusCode::from_u16(fault.kind.http_status());
    let fault = serde_json::to_string(fault).unwrap_or_default();
    envelope(
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        format!("{{\"noun\":\"{noun}\",\"op\":\"{op}\",\"error\":{fault}}}\n"),
    )
}

fn envelope(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}
