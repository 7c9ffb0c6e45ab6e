//! One program or container of a bundle, and the requests it answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deploy_spec::{Fault, Pack, PackId, PackKind, ProcessListen, ProcessSettings};
use http::{Method, Request, Response};
use process::{Ask, Launch, Limits, Listen, Probe, Process, Program, Settings, Supervisor};
use tokio::time::{Instant, timeout_at};
use upstream::{Client, HeadView, Incoming, is_stream};

use super::body::ProgramBody;
use super::printed::Printed;
use super::variables::variables;
use crate::body::{Body, BoxError};
use crate::component::Granted;
use crate::engine::Given;
use crate::failure::Failure;
use crate::upstream::in_the_clear;

/// A program or container that was started. Dropping it stops it.
pub(crate) struct ProgramPack {
    pack_id: PackId,
    /// What the log calls its revision.
    revision: String,
    timeout: Duration,
    process: Process,
    client: Client,
}

impl ProgramPack {
    /// Checks the program and starts it.
    pub(crate) fn start(
        supervisor: &Supervisor,
        bytes: &[u8],
        pack: &Pack,
        given: &Given,
        granted: &Arc<Granted>,
    ) -> Result<Self, Fault> {
        let path = pack.file()?;
        let program = Program::new(bytes).map_err(|mut fault| {
            let why = fault.message;
            fault.message = format!("pack `{}`: `{path}` cannot be run: {why}", pack.pack_id);
            fault
        })?;
        Self::launch(supervisor, program, pack, given, granted)
    }

    /// Starts what is ready to be.
    pub(crate) fn launch(
        supervisor: &Supervisor,
        launch: impl Into<Launch>,
        pack: &Pack,
        given: &Given,
        granted: &Arc<Granted>,
    ) -> Result<Self, Fault> {
        let pack_id = &pack.pack_id;
        let printed = Printed { pack_id: pack_id.clone(), granted: Arc::clone(granted) };
        let settings = settings(pack, given)?;
        let process =
            supervisor.start(launch, settings, Arc::new(printed)).map_err(|mut fault| {
                fault.message = format!("pack `{pack_id}`: {}", fault.message);
                fault
            })?;
        Ok(Self {
            pack_id: pack_id.clone(),
            revision: given.name.clone(),
            timeout: Duration::from_millis(pack.limits.timeout_ms.into()),
            process,
            client: client(pack),
        })
    }

    pub(crate) fn wait_until_ready(&self) -> Result<(), Fault> {
        self.process.wait_until_ready().map_err(|mut fault| {
            fault.message = format!("pack `{}`: {}", self.pack_id, fault.message);
            fault
        })
    }

    pub(crate) async fn respond<B>(self: Arc<Self>, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let deadline = Instant::now() + self.timeout;
        let Some(endpoint) = self.process.address() else { return Failure::NotReady.response() };
        match timeout_at(deadline, self.client.send(&endpoint, request)).await {
            Ok(Ok(response)) => self.reply(response, deadline),
            Ok(Err(error)) => self.failed(&error),
            Err(_) => self.too_slow().response(),
        }
    }

    /// Whether it takes requests as bytes.
    pub(crate) fn relays(&self) -> bool {
        self.client.relays()
    }

    /// See [`Relay::send`](crate::Relay::send).
    pub(crate) async fn relay(
        self: &Arc<Self>,
        method: Method,
        request: Vec<u8>,
        take: impl FnMut(&HeadView<'_>, &[u8]) + Send,
    ) -> Option<Response<Body>> {
        let deadline = Instant::now() + self.timeout;
        let Some(endpoint) = self.process.address() else {
            return Some(Failure::NotReady.response());
        };
        match timeout_at(deadline, self.client.relay(&endpoint, method, request, take)).await {
            Ok(Ok(response)) => response.map(|response| Arc::clone(self).reply(response, deadline)),
            Ok(Err(error)) => Some(self.failed(&error)),
            Err(_) => Some(self.too_slow().response()),
        }
    }

    fn too_slow(&self) -> Failure {
        let Self { pack_id: pack, revision, .. } = self;
        let limit_ms = self.timeout.as_millis();
        tracing::warn!(revision, %pack, limit_ms, "the program took too long");
        Failure::TooSlow
    }

    fn failed(&self, error: &upstream::Error) -> Response<Body> {
        let Self { pack_id: pack, revision, .. } = self;
        tracing::warn!(revision, %pack, "the program did not answer: {error}");
        Failure::of_server(error)
    }

    fn reply(self: Arc<Self>, response: Response<Incoming>, deadline: Instant) -> Response<Body> {
        if let Some(whole) = response.body().whole() {
            let body = Body::from(whole.clone());
            return response.map(|_| body);
        }
        let deadline = (!is_stream(response.status(), response.headers())).then_some(deadline);
        response.map(|incoming| ProgramBody::new(self, incoming, deadline).into())
    }
}

/// The time of a whole request is watched here.
fn client(pack: &Pack) -> Client {
    let settings = upstream::Settings {
        head_timeout: Duration::MAX,
        silence_timeout: Duration::MAX,
        ..upstream::Settings::default()
    };
    Client::speaking(settings, in_the_clear(pack.protocol))
}

fn settings(pack: &Pack, given: &Given) -> Result<Settings, Fault> {
    let ProcessSettings { args, listen, probe, files, processes, grace_ms } =
        pack.process.clone().unwrap_or_default();
    let millis = |ms: u32| Duration::from_millis(ms.into());
    let standard = Settings::new(format!("{}/{}", given.name, pack.pack_id));
    let limits = Limits {
        memory_mb: pack.limits.memory_mb,
        files: files.unwrap_or(standard.limits.files),
        processes: processes.unwrap_or(standard.limits.processes),
    };
    let deadline = probe.deadline_ms.map_or(standard.probe.deadline, millis);
    Ok(Settings {
        args,
        env: variables(&given.config)?,
        listen: match listen {
            ProcessListen::Port => Listen::Port,
            ProcessListen::Socket => Listen::Socket,
        },
        limits,
        speaks: in_the_clear(pack.protocol),
        probe: Probe { ask: ask(pack.kind, listen, probe.path), deadline, ..Probe::default() },
        grace: grace_ms.map_or(standard.grace, millis),
        ..standard
    })
}

/// At the port of a container its engine accepts connections, whether the server does or not.
fn ask(kind: PackKind, listen: ProcessListen, path: Option<String>) -> Ask {
    match (path, kind, listen) {
        (Some(path), ..) => Ask::Path(path),
        (None, PackKind::Container, ProcessListen::Port) => Ask::AnyAnswer,
        (None, ..) => Ask::Connection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_of_a_container_is_not_taken_for_its_server() {
        use PackKind::{Container, Process};
        use ProcessListen::{Port, Socket};
        for (kind, listen, wanted) in [
            (Container, Port, Ask::AnyAnswer),
            (Container, Socket, Ask::Connection),
            (Process, Port, Ask::Connection),
        ] {
            assert_eq!(ask(kind, listen, None), wanted);
            assert_eq!(ask(kind, listen, Some("/ready".into())), Ask::Path("/ready".into()));
        }
    }
}
