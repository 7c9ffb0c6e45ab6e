//! Asking a running data plane through its admin socket.

use std::path::Path;

use bytes::Bytes;
use control::Reply;
use deploy_spec::{Fault, document};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::run_folder::admin_socket;
use crate::status::Status;

#[derive(Deserialize)]
struct Envelope {
    result: Option<Box<RawValue>>,
    error: Option<Fault>,
}

/// Asks the data plane behind `socket`; none when nobody listens there.
///
/// # Errors
/// `unavailable` when it listens and does not answer properly.
pub fn ask(socket: &Path, method: &str, path: &str, body: Vec<u8>) -> Result<Option<Reply>, Fault> {
    let failed = |error: &dyn std::fmt::Display| {
        Fault::unavailable(format!(
            "the data plane at `{}` does not answer: {error}",
            socket.display()
        ))
        .hint("look at what `gtc start` printed")
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let Some(stream) = connected(socket).await else { return Ok(None) };
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(&error))?;
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::HOST, "localhost")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| failed(&error))?;
        let _driver = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let body = response.into_body().collect().await.map_err(|error| failed(&error))?;
        reply(&body.to_bytes()).map(Some)
    })
}

#[cfg(unix)]
async fn connected(socket: &Path) -> Option<tokio::net::UnixStream> {
    tokio::net::UnixStream::connect(socket).await.ok()
}

/// Where there are no such sockets, no data plane runs.
#[cfg(not(unix))]
async fn connected(_: &Path) -> Option<tokio::io::DuplexStream> {
    None
}

/// What the data plane of the environment in `folder` says about itself; none when nobody serves it on
/// this machine.
///
/// # Errors
/// As [`ask`].
pub fn status(folder: &Path) -> Result<Option<Status>, Fault> {
    match ask(&admin_socket(folder), "GET", "/status", Vec::new())? {
        None => Ok(None),
        Some(Reply::Result(raw)) => document::from_json(raw.get().as_bytes()).map(Some),
        Some(Reply::Error(fault)) => Err(fault),
    }
}

fn reply(text: &[u8]) -> Result<Reply, Fault> {
    let envelope: Envelope = document::from_json(text).map_err(|_| {
        Fault::unavailable("the data plane answered something else than an envelope")
    })?;
    match (envelope.result, envelope.error) {
        (Some(result), None) => Ok(Reply::Result(result)),
        (None, Some(fault)) => Ok(Reply::Error(fault)),
        _ => Err(Fault::unavailable("the data plane answered neither a result nor an error")),
    }
}
