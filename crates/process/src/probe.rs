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

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Who accepts one connection, reads what is asked, says this and closes it.
    fn saying(answer: &'static str) -> Arc<Endpoint> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        });
        Arc::new(Endpoint::Address(address))
    }

    #[test]
    fn who_accepts_in_place_of_a_server_does_not_answer_for_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let is_ready = |answer, ask: &Ask| {
            runtime.block_on(attempt(&saying(answer), &Speaks::Http1, ask)).is_ok()
        };
        const NOT_FOUND: &str = "HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n";
        assert!(is_ready("", &Ask::Connection));
        assert!(!is_ready("", &Ask::AnyAnswer));
        assert!(is_ready(NOT_FOUND, &Ask::AnyAnswer));
        assert!(!is_ready(NOT_FOUND, &Ask::Path("/".into())));
    }
}
