//! Connections to a program that wait for the next request.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use process::Address;

use crate::body::BoxError;
use crate::failure::Failure;

/// The body of a request on its way to a program.
pub(super) type Outgoing = UnsyncBoxBody<Bytes, BoxError>;

/// How many connections may wait.
const IDLE_MAX: usize = 64;

/// A connection, and where it leads.
pub(super) struct Line {
    pub(super) sender: SendRequest<Outgoing>,
    address: Arc<Address>,
}

/// The connections that wait, the one used last on top: it is the least likely to be stale.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Line>>);

impl Pool {
    /// A connection to `address` that can take a request now. Those that lead elsewhere, or that
    /// the program has closed, are closed.
    pub(super) fn take(&self, address: &Address) -> Option<Line> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(line) = lines.pop() {
            if *line.address == *address && line.sender.is_ready() {
                return Some(line);
            }
        }
        None
    }

    /// Keeps a connection whose answer has ended.
    pub(super) fn give(&self, line: Line) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < IDLE_MAX && !line.sender.is_closed() {
            lines.push(line);
        }
    }
}

impl Line {
    /// A new connection; the runtime that asks for it drives it from then on.
    pub(super) async fn connect(address: Arc<Address>) -> Result<Self, Failure> {
        let connection = address.connect().await.map_err(|error| {
            tracing::warn!("a program cannot be connected to: {error}");
            match error.kind() {
                // The queue of a Unix socket is full.
                std::io::ErrorKind::WouldBlock => Failure::Busy,
                _ => Failure::Failed,
            }
        })?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(connection)).await.map_err(|_| Failure::Failed)?;
        tokio::spawn(async move {
            // How it ended is told to whoever waits for an answer.
            let _ = connection.await;
        });
        Ok(Self { sender, address })
    }
}
