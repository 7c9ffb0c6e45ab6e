//! The admin API of a running data plane: on a Unix socket that only its owner can open, and where
//! that was asked for on the loopback of this machine, for who has a client certificate.
//!
//! Same documents, envelope, kinds and laws as the command line.

mod asker;
mod endpoint;
mod handshakes;
mod reply;
mod verbs;

pub use endpoint::{Credentials, Endpoint};

use std::os::unix::net::UnixListener;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use control::revisions::{StageAnswers, StagedBundle};
use deploy_spec::Fault;
use serde_json::json;
use store::EnvironmentStore;

use crate::plane::Plane;
use asker::Asker;
use handshakes::Handshakes;

/// The largest answers document, in bytes.
const DOCUMENT_MAX: usize = 1024 * 1024;

/// The media type of [`Plane::metrics`].
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What there is.
const SEE: &str = "GET /openapi.json";

/// Fetches the bundle that somebody wants to stage into the environment, and says what it is.
pub type TakeIn =
    dyn Fn(&EnvironmentStore, &StageAnswers) -> Result<StagedBundle, Fault> + Send + Sync;

/// What the API answers for.
#[derive(Clone)]
pub struct Admin {
    /// What serves.
    pub plane: Arc<Plane>,
    /// What can be changed; without it nothing can, only looked at.
    pub store: Option<EnvironmentStore>,
    /// How a bundle comes in.
    pub take_in: Arc<TakeIn>,
}

/// Answers on `socket`, and on `endpoint` if there is one, for as long as the future is polled.
///
/// # Errors
/// `unavailable` when one of them cannot be used.
pub async fn serve(
    socket: UnixListener,
    endpoint: Option<Endpoint>,
    admin: Admin,
) -> Result<(), Fault> {
    let failed = |error: std::io::Error| Fault::unavailable(format!("the admin socket: {error}"));
    let socket = tokio::net::UnixListener::from_std(socket).map_err(failed)?;
    let routes = routes(admin);
    let on_socket = axum::serve(socket, connected(routes.clone()));
    let Some(endpoint) = endpoint else { return on_socket.await.map_err(failed) };
    let by_tls = axum::serve(Handshakes::of(endpoint).map_err(failed)?, connected(routes));
    tokio::select! {
        ended = on_socket.into_future() => ended,
        ended = by_tls.into_future() => ended,
    }
    .map_err(failed)
}

type Connected = axum::extract::connect_info::IntoMakeServiceWithConnectInfo<Router, Asker>;

fn connected(routes: Router) -> Connected {
    routes.into_make_service_with_connect_info::<Asker>()
}

fn routes(admin: Admin) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi))
        .route("/deployments/stage", post(verbs::stage))
        .route("/deployments/warm", post(verbs::warm_revision))
        .route("/deployments/activate", post(verbs::activate))
        .route("/deployments/rollback", post(verbs::rollback))
        .route("/deployments/complete-drain", post(verbs::complete_drain))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_so)
        .layer(DefaultBodyLimit::max(DOCUMENT_MAX))
        .with_state(admin)
}

/// The process answers only once it serves, so an answer is the proof.
async fn readyz() -> &'static str {
    "ready\n"
}

async fn status(State(admin): State<Admin>) -> Response {
    reply::result("serve", "status", &json!(admin.plane.status()))
}

async fn metrics(State(admin): State<Admin>) -> Response {
    ([(header::CONTENT_TYPE, METRICS)], admin.plane.metrics()).into_response()
}

async fn openapi(State(admin): State<Admin>) -> Response {
    Json(control::admin_api(Some(admin.plane.environment_id()))).into_response()
}

async fn nothing_here() -> Response {
    reply::error("serve", "admin", &Fault::not_found("there is nothing here").hint(SEE))
}

/// Who gets here is told by `allow` what would do.
async fn not_so() -> Response {
    let fault = Fault::invalid("this is not asked for by this method").hint(SEE);
    reply::failed(StatusCode::METHOD_NOT_ALLOWED, "serve", "admin", &fault)
}
