//! `gtc start`: serve until told to stop.

mod doors;

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use deploy_spec::{EnvironmentId, Fault};
use ingress::Settings;
use serde_json::json;
use serve::{Front, LogFiles, Plane, RunFolder, admin};
use store::EnvironmentStore;
use tokio::signal::unix::{SignalKind, signal};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use workload::{Engine, EngineSettings};

use crate::globals::Globals;
use crate::op::engine_settings;
use crate::outcome::{Named, Success};
use crate::programs::supervisor;
use doors::Doors;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtc start
  gtc start --env local --listen 0.0.0.0:8080
  gtc start --tls-listen 0.0.0.0:8443 --tls-cert chain.pem --tls-key key.pem
  gtc start --config runtime-config.json")]
pub(crate) struct Start {
    /// The environment
    #[arg(long, default_value = "local", value_name = "ENVIRONMENT", conflicts_with = "config")]
    env: EnvironmentId,
    /// The address to answer on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Serve from a rendered document instead of a store; its folder holds the artifacts
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How many threads serve [default: one for each CPU]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// How long requests in flight may take when told to stop, in seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    grace: u64,
    /// What to log to standard error
    #[arg(long, value_enum, default_value_t = Level::Info, value_name = "LEVEL")]
    log: Level,
    #[command(flatten)]
    doors: Doors,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    /// What went wrong
    Error,
    /// What may be wrong
    Warn,
    /// What happened
    Info,
    /// What is going on inside
    Debug,
}

impl Start {
    pub(crate) fn run(self, globals: &Globals) -> (Named, Result<Success, Fault>) {
        (Named { noun: "start", op: "serve" }, self.serve(globals).map(|()| Success::Silent))
    }

    fn serve(&self, globals: &Globals) -> Result<(), Fault> {
        let source = match &self.config {
            Some(path) => Source::document(path)?,
            None => Source::Store(globals.readable(("env", "render"), &self.env)?),
        };
        source.check()?;
        let run = RunFolder::claim(source.folder())?;
        let _log = log(self.log, &run.log());
        let (plane, store) = source.plane()?;
        let admin_socket = run.listen()?;
        let settings = Settings {
            threads: self.threads.unwrap_or(Settings::default().threads),
            ..Settings::default()
        };
        let doors = self.doors.bind(self.listen, &settings)?;
        let doors = doors.open(&Arc::new(Front::new(plane.clone())));
        plane.answers_on(doors.plain_address());
        announce(plane.environment_id(), doors.plain_address(), doors.secure_address());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Fault::unavailable(format!("no runtime: {error}")))?;
        let ended = runtime.block_on(async {
            tokio::select! {
                ended = admin::serve(admin_socket, plane, store) => ended,
                ended = doors.keep_certificates() => ended,
                ended = told_to_stop() => ended,
            }
        });
        doors.close(Duration::from_secs(self.grace));
        ended
    }
}

/// What is served.
enum Source {
    /// The state of an environment, which may change at any time.
    Store(EnvironmentStore),
    /// A document, which somebody may replace.
    Document(PathBuf),
}

impl Source {
    fn document(path: &Path) -> Result<Self, Fault> {
        let path = std::path::absolute(path).map_err(|error| {
            Fault::invalid(format!("`{}` is not a usable path: {error}", path.display()))
        })?;
        Ok(Self::Document(path))
    }

    /// Where `run` and the artifacts are.
    fn folder(&self) -> &Path {
        match self {
            Self::Store(store) => store.folder(),
            Self::Document(path) => path.parent().unwrap_or(path),
        }
    }

    /// Whether there is anything to serve.
    fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Store(store) => store.read().map(drop),
            Self::Document(path) => serve::read_document(path).map(drop),
        }
    }

    fn plane(self) -> Result<(Arc<Plane>, Option<EnvironmentStore>), Fault> {
        let folder = self.folder().to_owned();
        match self {
            Self::Store(store) => {
                let engine = Engine::new(engine_settings(&store))?;
                let keys = serve::cookie_keys(&store)?;
                let plane = Arc::new(Plane::new(store.id().clone(), folder, engine, keys));
                serve::follow_store(&plane, store.clone())?;
                Ok((plane, Some(store)))
            }
            Self::Document(path) => {
                let id = serve::read_document(&path)?.environment_id;
                let cache_dir = Some(folder.join("run/cache"));
                let supervisor = Some(supervisor());
                let engine = Engine::new(EngineSettings {
                    cache_dir,
                    supervisor,
                    ..EngineSettings::default()
                })?;
                let keys = serve::ephemeral_cookie_keys()?;
                tracing::warn!(
                    "sessions are remembered until this process ends: a document brings no cookie keys"
                );
                let plane = Arc::new(Plane::new(id, folder, engine, keys));
                serve::follow_document(&plane, path)?;
                Ok((plane, None))
            }
        }
    }
}

/// The one line that says it is ready.
fn announce(environment: &EnvironmentId, address: SocketAddr, secure: Option<SocketAddr>) {
    let mut out = std::io::stdout().lock();
    let line = if out.is_terminal() {
        let secure = secure.map(|address| format!(" and https://{address}")).unwrap_or_default();
        format!("serving {environment} on http://{address}{secure}\n")
    } else {
        let mut result = json!({"environment_id": environment, "address": address, "url": format!("http://{address}")});
        if let Some(secure) = secure {
            result["tls_address"] = json!(secure);
        }
        format!("{{\"noun\":\"start\",\"op\":\"serve\",\"result\":{result}}}\n")
    };
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

async fn told_to_stop() -> Result<(), Fault> {
    let failed =
        |error: std::io::Error| Fault::unavailable(format!("signals cannot be heard: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Logs to standard error, for people or for programs; and to the files of the environment, until
/// the guard is dropped.
fn log(level: Level, files: &LogFiles) -> Option<WorkerGuard> {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let (kept, problem) = match files.writer() {
        Ok(writer) => (Some(tracing_appender::non_blocking(writer)), None),
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
