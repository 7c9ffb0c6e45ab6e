//! What is told of requests: an access log, and traces and metrics by OTLP.
//!
//! Whoever answers a request hands a [`Record`] of it to a [`Recorder`], which never waits: the
//! record goes into bounded queues, and what finds no room is counted and dropped. Threads of their
//! own write lines and send spans. Nothing here chooses a revision or knows a socket of a client,
//! and no clock is read: who makes a record says when.

mod access_log;
mod line;
mod otlp;
mod queue;
mod record;
mod recorder;
mod sample;
mod trace;

pub use access_log::AccessLog;
pub use otlp::{Collector, Exporter, Family, Origin, Point, Points, Settings, Snapshot};
pub use record::Record;
pub use recorder::{Dropped, Errors, Recorder};
pub use trace::{Sampler, Trace, put_hex};
