//! `gtc start`: serve until told to stop.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use deploy_spec::{EnvironmentId, Fault};
use ingress::{Server, Settings};
use serde_json::json;
use serve::{Front, Plane, RunFolder, admin};
use store::EnvironmentStore;
use tokio::signal::unix::{SignalKind, signal};
use workload::{Engine, EngineSettings};

use crate::globals::Globals;
use crate::op::engine_settings;
use crate::outcome::{Named, Success};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtc start
  gtc start --env local --listen 0.0.0.0:8080
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
        log_to_stderr(self.log);
        let (plane, store, run) = match &self.config {
            Some(path) => from_document(path)?,
            None => from_store(globals.readable(("env", "render"), &self.env)?)?,
        };
        let admin_socket = run.listen()?;
        let settings = Settings {
            threads: self.threads.unwrap_or(Settings::default().threads),
            ..Settings::default()
        };
        let server = Server::bind(self.listen, settings)?;
        let running = server.start(&Arc::new(Front::new(plane.clone())));
        plane.answers_on(running.local_addr());
        announce(plane.environment_id(), running.local_addr());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Fault::unavailable(format!("no runtime: {error}")))?;
        let ended = runtime.block_on(async {
            tokio::select! {
                ended = admin::serve(admin_socket, plane, store) => ended,
                ended = told_to_stop() => ended,
            }
        });
        let report = running.drain(Duration::from_secs(self.grace));
        tracing::info!(?report, "stopped");
        ended
    }
}

type Prepared = (Arc<Plane>, Option<EnvironmentStore>, RunFolder);

fn from_store(store: EnvironmentStore) -> Result<Prepared, Fault> {
    store.read()?;
    let run = RunFolder::claim(store.folder())?;
    let engine = Engine::new(engine_settings(&store))?;
    let keys = serve::cookie_keys(&store)?;
    let folder = store.folder().to_owned();
    let plane = Arc::new(Plane::new(store.id().clone(), folder, engine, keys));
    serve::follow_store(&plane, store.clone())?;
    Ok((plane, Some(store), run))
}

fn from_document(path: &std::path::Path) -> Result<Prepared, Fault> {
    let path = std::path::absolute(path).map_err(|error| {
        Fault::invalid(format!("`{}` is not a usable path: {error}", path.display()))
    })?;
    let config = serve::read_document(&path)?;
    let folder = path.parent().unwrap_or(&path).to_owned();
    let run = RunFolder::claim(&folder)?;
    let settings =
        EngineSettings { cache_dir: Some(folder.join("run/cache")), ..EngineSettings::default() };
    let keys = serve::ephemeral_cookie_keys()?;
    tracing::warn!(
        "sessions are remembered until this process ends: a document brings no cookie keys"
    );
    let plane = Arc::new(Plane::new(config.environment_id, folder, Engine::new(settings)?, keys));
    serve::follow_document(&plane, path)?;
    Ok((plane, None, run))
}

/// The one line that says it is ready.
fn announce(environment: &EnvironmentId, address: SocketAddr) {
    let mut out = std::io::stdout().lock();
    let line = if out.is_terminal() {
        format!("serving {environment} on http://{address}\n")
    } else {
        let result = json!({"environment_id": environment, "address": address, "url": format!("http://{address}")});
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

fn log_to_stderr(level: Level) {
    let level = match level {
        Level::Error => tracing::Level::ERROR,
        Level::Warn => tracing::Level::WARN,
        Level::Info => tracing::Level::INFO,
        Level::Debug => tracing::Level::DEBUG,
    };
    let to_terminal = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
    let started = if to_terminal { log.compact().try_init() } else { log.json().try_init() };
    drop(started);
}
