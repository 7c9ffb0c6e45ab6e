//! Whether a program is ready.

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::{sleep, timeout};

use crate::address::Address;
use crate::settings::Probe;

/// Asks until it is ready.
///
/// # Errors
/// What was wrong with the last answer, when the deadline is over.
pub(crate) async fn until_ready(address: &Address, probe: &Probe) -> Result<(), String> {
    let mut last = String::from("it was not asked yet");
    let asking = async {
        loop {
            match timeout(probe.timeout, attempt(address, probe.path.as_deref())).await {
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

async fn attempt(address: &Address, path: Option<&str>) -> Result<(), String> {
    let connection = address.connect().await;
    let connection = connection.map_err(|error| format!("it cannot be connected to: {error}"))?;
    match path {
        None => Ok(()),
        Some(path) => match ask(TokioIo::new(connection), path).await {
            Ok(status) if (200..400).contains(&status.as_u16()) => Ok(()),
            Ok(status) => Err(format!("GET {path} answered {}", status.as_u16())),
            Err(error) => Err(format!("GET {path} failed: {error}")),
        },
    }
}

async fn ask(
    io: TokioIo<crate::address::Connection>,
    path: &str,
) -> Result<StatusCode, Box<dyn std::error::Error>> {
    let request = Request::get(path)
        .header(header::HOST, "localhost")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let (mut sender, connection) = http1::handshake(io).await?;
    // The connection does the work; that it ends with the answer is no error.
    let answering = sender.send_request(request);
    tokio::pin!(connection, answering);
    let response = tokio::select! {
        response = &mut answering => response?,
        ended = &mut connection => {
            ended?;
            answering.await?
        }
    };
    Ok(response.status())
}
