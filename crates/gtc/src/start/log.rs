//! Where the log goes.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use serve::LogFiles;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How many lines may wait for a slow disk; those beyond are lost. Their places are reserved, 32 bytes
/// each, at the start, which is why they are not more.
const WAITING_LINES: usize = 16 * 1024;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Level {
    /// What went wrong
    Error,
    /// What may be wrong
    Warn,
    /// What happened
    Info,
    /// What is going on inside
    Debug,
}

/// Logs to standard error, for people or for programs; and to the files of the environment, until
/// the guard is dropped.
pub(super) fn log(level: Level, files: &LogFiles) -> Option<WorkerGuard> {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let (kept, problem) = match files.writer() {
        Ok(writer) => {
            let queue = NonBlockingBuilder::default().buffered_lines_limit(WAITING_LINES);
            (Some(queue.finish(writer)), None)
        }
        Err(problem) => (None, Some(problem)),
    };
    let (writer, guard) = kept.unzip();
    let to_files = writer.map(|writer| fmt::layer().json().flatten_event(true).with_writer(writer));
    let to_stderr = fmt::layer().with_writer(std::io::stderr);
    let log = tracing_subscriber::registry().with(level).with(to_files);
    let started = if std::io::stderr().is_terminal() {
        log.with(to_stderr.compact()).try_init()
    } else {
        log.with(to_stderr.json()).try_init()
    };
    drop(started);
    if let Some(problem) = problem {
        tracing::warn!(%problem, "the log is not kept");
    }
    guard
}
