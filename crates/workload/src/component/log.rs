//! What a guest prints: lines to `tracing`, bounded per request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use deploy_spec::PackId;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::respond::Shared;

/// The most that one request may print to one stream, in bytes; the rest is dropped, and said so.
const PRINTED_MAX: usize = 64 << 10;

/// The longest line, in bytes; a longer one is broken.
const LINE_MAX: usize = 4 << 10;

/// The standard output or error of one instance.
#[derive(Clone)]
pub(super) struct GuestLog(Arc<Mutex<Lines>>);

struct Lines {
    shared: Arc<Shared>,
    stream: &'static str,
    line: Vec<u8>,
    left: usize,
}

impl GuestLog {
    pub(super) fn new(shared: &Arc<Shared>, stream: &'static str) -> Self {
        let lines =
            Lines { shared: Arc::clone(shared), stream, line: Vec::new(), left: PRINTED_MAX };
        Self(Arc::new(Mutex::new(lines)))
    }

    /// The next request begins a line of its own, and may print as much as this one.
    pub(super) fn end_request(&self) {
        let mut lines = self.lines();
        lines.end_line();
        lines.left = PRINTED_MAX;
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn write(&mut self, bytes: &[u8]) {
        if self.left == 0 {
            return;
        }
        let kept = &bytes[..bytes.len().min(self.left)];
        self.left -= kept.len();
        for &byte in kept {
            match byte {
                b'\n' => self.end_line(),
                byte => self.line.push(byte),
            }
            if self.line.len() == LINE_MAX {
                self.end_line();
            }
        }
        if self.left == 0 {
            self.end_line();
            let (pack, revision, stream) = self.named();
            tracing::warn!(target: "workload::guest", revision, %pack, stream, "printed more than 64 KiB for one request; the rest is dropped");
        }
    }

    /// Who prints, and where.
    fn named(&self) -> (&PackId, &str, &'static str) {
        (&self.shared.pack_id, &self.shared.given.name, self.stream)
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            let (pack, revision, stream) = self.named();
            // Control characters could forge lines or paint the reader's terminal.
            let is_unsafe = |c: char| c.is_control() && c != '\t';
            let line = String::from_utf8_lossy(&self.line).replace(is_unsafe, "\u{fffd}");
            let line = self.shared.given.masked(line);
            tracing::info!(target: "workload::guest", revision, %pack, stream, "{line}");
            self.line.clear();
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.end_line();
    }
}

impl IsTerminal for GuestLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestLog {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Asked for by 0.3 guests only, which this engine does not run.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for GuestLog {
    async fn ready(&mut self) {}
}

impl OutputStream for GuestLog {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.lines().write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LINE_MAX)
    }
}
