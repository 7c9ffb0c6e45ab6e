//! One program of a bundle, and the requests it answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deploy_spec::{Fault, Pack, PackId, ProcessListen, ProcessSettings};
use http::{HeaderValue, Method, Request, Response, Version, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use process::{Limits, Listen, Probe, Process, Program, Settings, Supervisor};
use tokio::time::{Instant, timeout_at};

use super::body::ProgramBody;
use super::pool::{Line, Outgoing, Pool};
use super::printed::Printed;
use super::variables::variables;
use crate::body::{Body, BoxError};
use crate::component::Granted;
use crate::engine::Given;
use crate::failure::Failure;
use crate::hop_by_hop;

/// A program that was started. Dropping it stops it.
pub(crate) struct ProgramPack {
    pack_id: PackId,
    /// What the log calls its revision.
    revision: String,
    timeout: Duration,
    process: Process,
    pub(super) pool: Pool,
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
        let Pack { pack_id, path, .. } = pack;
        let program = Program::new(bytes).map_err(|mut fault| {
            fault.message = format!("pack `{pack_id}`: `{path}` cannot be run: {}", fault.message);
            fault
        })?;
        let printed = Printed { pack_id: pack_id.clone(), granted: Arc::clone(granted) };
        let settings = settings(pack, given)?;
        Ok(Self {
            pack_id: pack_id.clone(),
            revision: given.name.clone(),
            timeout: Duration::from_millis(pack.limits.timeout_ms.into()),
            process: supervisor.start(&program, settings, Arc::new(printed))?,
            pool: Pool::default(),
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
        let request = outgoing(request);
        match timeout_at(deadline, self.exchange(request)).await {
            Ok(Ok((response, line))) => self.reply(response, line, deadline),
            Ok(Err(failure)) => failure.response(),
            Err(_) => {
                let Self { pack_id: pack, revision, .. } = &*self;
                let limit_ms = self.timeout.as_millis();
                tracing::warn!(revision, %pack, limit_ms, "the program took too long");
                Failure::TooSlow.response()
            }
        }
    }

    /// Sends the request and waits for the head of the answer. A request that a waiting connection
    /// did not take is sent by another, and so is one that it took and broke off at, if that does
    /// no harm.
    async fn exchange(
        &self,
        mut request: Request<Outgoing>,
    ) -> Result<(Response<Incoming>, Line), Failure> {
        let address = self.process.address().ok_or(Failure::NotReady)?;
        let mut again = repeatable(&request);
        while let Some(mut line) = self.pool.take(&address) {
            match line.sender.try_send_request(request).await {
                Ok(response) => return Ok((response, line)),
                Err(mut error) => match error.take_message().or_else(|| again.take()) {
                    Some(unsent) => request = unsent,
                    None => return Err(self.failed(error.error())),
                },
            }
        }
        let mut line = Line::connect(address).await?;
        match line.sender.send_request(request).await {
            Ok(response) => Ok((response, line)),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed(&self, error: &hyper::Error) -> Failure {
        let Self { pack_id: pack, revision, .. } = self;
        tracing::warn!(revision, %pack, "the program did not answer: {error}");
        Failure::Failed
    }

    fn reply(
        self: Arc<Self>,
        response: Response<Incoming>,
        line: Line,
        deadline: Instant,
    ) -> Response<Body> {
        let (mut parts, body) = response.into_parts();
        // 101 would hand over the connection, and nobody asked for that.
        if parts.status.is_informational() {
            return Failure::Failed.response();
        }
        hop_by_hop::strip(&mut parts.headers);
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        let body = ProgramBody::new(self, body, line, deadline);
        Response::from_parts(parts, body.into())
    }
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
        probe: Probe { path: probe.path, deadline, ..Probe::default() },
        grace: grace_ms.map_or(standard.grace, millis),
        ..standard
    })
}

/// The request as it travels to the program.
fn outgoing<B>(request: Request<B>) -> Request<Outgoing>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (mut parts, body) = request.into_parts();
    hop_by_hop::strip(&mut parts.headers);
    // Whoever reads the body here has told the client to go on already.
    parts.headers.remove(header::EXPECT);
    parts.headers.entry(header::HOST).or_insert(HeaderValue::from_static("localhost"));
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    Request::from_parts(parts, body.map_err(Into::into).boxed_unsync())
}

/// A second copy of a request that may be sent twice (RFC 9110 §9.2.2).
fn repeatable(request: &Request<Outgoing>) -> Option<Request<Outgoing>> {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !is_safe || !request.body().is_end_stream() {
        return None;
    }
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let mut copy = Request::new(body);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}
