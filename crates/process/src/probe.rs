//! Whether a program is ready.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Empty;
use tokio::time::{sleep, timeout};
use upstream::{Client, Endpoint, Speaks};

use crate::settings::Probe;

/// Asks until it is ready.
///
/// # Errors
/// What was wrong with the last answer, when the deadline is over.
pub(crate) async fn until_ready(
    endpoint: &Arc<Endpoint>,
    speaks: &Speaks,
    probe: &Probe,
) -> Result<(), String> {
    let mut last = String::from("it was not asked yet");
    let asking = async {
        loop {
            match timeout(probe.timeout, attempt(endpoint, speaks, probe.path.as_deref())).await {
                Ok(Ok(())) => return,
                Ok(Err(why)) => last = why,
                Err(_) => last = format!("no answer within {} ms", probe.timeout.as_millis()),
            }
            sleep(probe.interval).await;
        }
    };
    match timeout(probe.deadline, asking).await {
        Ok(()) => Ok(()),
        Err(_) => Err(format!("not ready after {} ms: {last}", probe.deadline.as_millis())),
    }
}

async fn attempt(
    endpoint: &Arc<Endpoint>,
    speaks: &Speaks,
    path: Option<&str>,
) -> Result<(), String> {
    let Some(path) = path else {
        let connected = endpoint.connect().await;
        return connected.map(drop).map_err(|error| format!("it cannot be connected to: {error}"));
    };
    let request = Request::get(path)
        .header(header::HOST, "localhost")
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("GET {path} cannot be asked: {error}"))?;
    // One of its own: whatever answers now, nothing is kept for the next attempt.
    let client = Client::speaking(upstream::Settings::default(), speaks.clone());
    match client.send(endpoint, request).await {
        Ok(response) if (200..400).contains(&response.status().as_u16()) => Ok(()),
        Ok(response) => Err(format!("GET {path} answered {}", response.status().as_u16())),
        Err(error @ upstream::Error::Connect(_)) => Err(error.to_string()),
        Err(error) => Err(format!("GET {path} failed: {error}")),
    }
}
