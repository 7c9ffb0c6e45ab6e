//! Whether a program is ready.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Empty;
use tokio::time::{sleep, timeout};
use upstream::{Client, Endpoint, Speaks};

use crate::settings::{Ask, Probe};

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
            match timeout(probe.timeout, attempt(endpoint, speaks, &probe.ask)).await {
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

async fn attempt(endpoint: &Arc<Endpoint>, speaks: &Speaks, ask: &Ask) -> Result<(), String> {
    let (path, is_ready): (&str, fn(u16) -> bool) = match ask {
        Ask::Connection => {
            let connected = endpoint.connect().await;
            return connected
                .map(drop)
                .map_err(|error| format!("it cannot be connected to: {error}"));
        }
        Ask::AnyAnswer => ("/", |_| true),
        Ask::Path(path) => (path, |status| (200..400).contains(&status)),
    };
    let request = Request::get(path)
        .header(header::HOST, "localhost")
        .body(Empty::<Bytes>::new())
        .map_err(|error| format!("GET {path} cannot be asked: {error}"))?;
    // One of its own: whatever answers now, nothing is kept for the next attempt.
    let client = Client::speaking(upstream::Settings::default(), speaks.clone());
    match client.send(endpoint, request).await {
        Ok(response) if is_ready(response.status().as_u16()) => Ok(()),
        Ok(response) => Err(format!("GET {path} answered {}", response.status().as_u16())),
        // A server of gRPC gives up on whatever is no call.
        Err(upstream::Error::Reset(_)) if *ask == Ask::AnyAnswer => Ok(()),
        Err(error @ upstream::Error::Connect(_)) => Err(error.to_string()),
        Err(error) => Err(format!("GET {path} failed: {error}")),
    }
}
