//! `gtc start`: serve until told to stop.

mod acme;
mod admin;
mod descriptors;
mod doors;
mod log;
mod manager;
mod recording;
mod source;

use std::convert::Infallible;
use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::acme::Keeper;
use clap::Args;
use deploy_spec::{EnvironmentId, Fault};
use ingress::Settings;
use serde_json::json;
use serve::admin::Endpoint;
use serve::{Front, RunFolder};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use self::acme::AcmeArgs;
use crate::globals::Globals;
use crate::outcome::{Named, Success};
use admin::AdminArgs;
use doors::{Doors, Open};
use log::{Level, log};
use manager::{Manager, Voice};
use recording::Recording;
use source::Source;

/// How long there always is to tell of the last requests.
const LAST_WORDS: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtc start
  gtc start --env local --listen 0.0.0.0:8080
  gtc start --tls-listen 0.0.0.0:8443 --tls-cert chain.pem --tls-key key.pem
  gtc start --tls-listen 0.0.0.0:443 --acme-domain shop.example.com --acme-agree-tos
  gtc start --config runtime-config.json
  gtc start --access-log file --access-log-sample 10
  gtc start --otlp-endpoint http://localhost:4318 --otlp-sample 1
  gtc start --admin-bind 127.0.0.1:8433 --admin-client-ca ca.pem --admin-cert cert.pem \
    --admin-key key.pem

Begun by systemd with a socket called `http`, it answers on that in place of --listen; it says when
it is ready, that it stops, and, to a watchdog, that it lives.")]
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
    /// How many connections may be open; who comes besides is answered 503
    #[arg(long, value_name = "N", default_value_t = Settings::default().max_connections)]
    max_connections: usize,
    /// How long requests in flight may take when told to stop, in seconds
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    grace: u64,
    /// What to log to standard error
    #[arg(long, value_enum, default_value_t = Level::Info, value_name = "LEVEL")]
    log: Level,
    #[command(flatten)]
    doors: Doors,
    #[command(flatten)]
    acme: AcmeArgs,
    #[command(flatten)]
    recording: Recording,
    #[command(flatten)]
    admin: AdminArgs,
}

impl Start {
    pub(crate) fn run(self, globals: &Globals) -> (Named, Result<Success, Fault>) {
        (Named { noun: "start", op: "serve" }, self.serve(globals).map(|()| Success::Silent))
    }

    fn serve(&self, globals: &Globals) -> Result<(), Fault> {
        // First of all, while nothing else runs.
        let mut manager = Manager::of_this_process()?;
        let source = match &self.config {
            Some(path) => Source::document(path)?,
            None => Source::Store(globals.readable(("env", "render"), &self.env)?),
        };
        source.check()?;
        let endpoint = self.admin.endpoint()?;
        let run = RunFolder::claim(source.folder())?;
        let _log = log(self.log, &run.log());
        descriptors::take_all();
        let (plane, store) = source.plane()?;
        let recorder = self.recording.begin(&run, &plane)?;
        let admin_socket = run.listen()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Fault::unavailable(format!("no runtime: {error}")))?;
        let mut stop = Stop::listen(&runtime)?;
        let voice = Voice::begin()?;
        let settings = Settings {
            threads: self.threads.unwrap_or(Settings::default().threads),
            max_connections: self.max_connections,
            ..Settings::default()
        };
        let (handed, names) = (manager.listener.take(), self.acme.names()?);
        let doors = self.doors.bind(handed, self.listen, &settings, &names)?;
        let keeper =
            doors.certificates().map(|shown| self.acme.keeper(shown, &plane, store.as_ref()));
        let mut keeper = keeper.transpose()?.flatten();
        let doors = doors.open(&Arc::new(Front::new(plane.clone())));
        keeper.as_mut().map_or(Ok(()), Keeper::start)?;
        plane.answers_on(doors.plain_address());
        endpoint.as_ref().and_then(Endpoint::ends).inspect(|ends| plane.shows_until(*ends));
        let admin_address = endpoint.as_ref().map(Endpoint::local_addr).transpose()?;
        let (plain, secure) = (doors.plain_address(), doors.secure_address());
        announce(plane.environment_id(), plain, secure, admin_address);
        voice.ready();
        let noted = store.clone();
        let admin = admin::admin(globals, plane.clone(), store);
        let ended = runtime.block_on(async {
            tokio::select! {
                ended = serve::admin::serve(admin_socket, endpoint, admin) => ended,
                ended = doors.keep_certificates() => ended,
                () = stop.told() => Ok(()),
                never = live(&manager, &voice, &doors) => match never {},
            }
        });
        voice.stopping();
        drop(keeper);
        let grace = Duration::from_secs(self.grace);
        let begun = Instant::now();
        plane.end_streams(grace);
        doors.close(grace);
        if let Some(recorder) = &recorder {
            // What was recorded last is told even where requests took all of the time.
            recorder.finish(grace.saturating_sub(begun.elapsed()).max(LAST_WORDS));
        }
        if let Some(store) = &noted {
            plane.note_usage(store);
        }
        voice.finish(LAST_WORDS);
        ended
    }
}

/// Gives signs of life as long as this loop turns and every thread that answers requests lives.
async fn live(manager: &Manager, voice: &Voice, doors: &Open) -> Infallible {
    let Some(beat) = manager.beat() else { return std::future::pending().await };
    let mut beats = interval(beat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        if doors.are_whole() {
            voice.alive();
        }
    }
}

/// The one line that says it is ready.
fn announce(
    environment: &EnvironmentId,
    address: SocketAddr,
    secure: Option<SocketAddr>,
    admin: Option<SocketAddr>,
) {
    let mut out = std::io::stdout().lock();
    let line = if out.is_terminal() {
        let secure = secure.map(|address| format!(" and https://{address}")).unwrap_or_default();
        format!("serving {environment} on http://{address}{secure}\n")
    } else {
        let url = format!("http://{address}");
        let mut result = json!({"environment_id": environment, "address": address, "url": url});
        if let Some(secure) = secure {
            result["tls_address"] = json!(secure);
        }
        if let Some(admin) = admin {
            result["admin_address"] = json!(admin);
        }
        format!("{{\"noun\":\"start\",\"op\":\"serve\",\"result\":{result}}}\n")
    };
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

/// The signals that tell this process to stop. They are heard from before it serves: one that comes
/// early ends it as one that comes late.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen(runtime: &Runtime) -> Result<Self, Fault> {
        let _inside = runtime.enter();
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Fault::unavailable(format!("signals cannot be heard: {error}")))
        };
        let terminate = listen(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
