//! Where records of requests go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::access_log::AccessLog;
use crate::otlp::Exporter;
use crate::record::Record;
use crate::trace::{Sampler, Trace};

/// Which errors are in the access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errors {
    /// All of them.
    All,
    /// Those that are in the sample.
    Sampled,
}

/// What could not be told since the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Lines of the access log; none where there is no log.
    pub lines: Option<u64>,
    /// Spans; none where none are exported.
    pub spans: Option<u64>,
}

/// Where records of requests go. Never waited for.
#[derive(Debug)]
pub struct Recorder {
    access_log: Option<AccessLog>,
    exporter: Option<Exporter>,
    sampler: Sampler,
}

impl Recorder {
    /// Tells these of requests.
    #[must_use]
    pub fn new(access_log: Option<AccessLog>, exporter: Option<Exporter>) -> Self {
        let sampler = exporter.as_ref().map_or(Sampler::Off, Exporter::sampler);
        Self { access_log, exporter, sampler }
    }

    /// Which traces are recorded.
    #[must_use]
    pub const fn sampler(&self) -> Sampler {
        self.sampler
    }

    /// Whether a record is wanted of a request with this trace, if not for sure.
    #[must_use]
    pub fn wants(&self, trace: &Trace) -> bool {
        let is_span = self.exporter.is_some() && trace.is_sampled;
        is_span || self.access_log.as_ref().is_some_and(|log| log.wants(trace.trace_id))
    }

    /// Takes a record that is done.
    pub fn take(&self, record: Record) {
        let record = Arc::new(record);
        if let Some(log) = &self.access_log {
            log.take(&record);
        }
        if let Some(exporter) = self.exporter.as_ref().filter(|_| record.trace.is_sampled) {
            exporter.take(record);
        }
    }

    /// What could not be told so far.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        Dropped {
            lines: self.access_log.as_ref().map(AccessLog::dropped),
            spans: self.exporter.as_ref().map(Exporter::dropped),
        }
    }

    /// Tells all that is left, as far as `patience` lets it; nothing is taken after that.
    pub fn finish(&self, patience: Duration) {
        let over = Instant::now() + patience;
        let left = || over.saturating_duration_since(Instant::now());
        if let Some(log) = &self.access_log {
            log.end();
        }
        if let Some(exporter) = &self.exporter {
            exporter.end(over);
        }
        let is_written = self.access_log.as_ref().is_none_or(|log| log.wait(left()));
        let is_sent = self.exporter.as_ref().is_none_or(|exporter| exporter.wait(left()));
        if !is_written || !is_sent {
            tracing::warn!(is_written, is_sent, "not all that was recorded could be told in time");
        }
    }
}
