//! Bundles made of literals, requests, and answers to look at.

use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use bundle::{Archive, Format};
use bytes::Bytes;
use deploy_spec::{Digest, Fault};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::sync::mpsc;
use workload::{Body, BoxError, Engine, EngineSettings, Given, Workload};

/// The engine that tests share when they need none of their own.
pub(crate) fn engine() -> Engine {
    static ENGINE: LazyLock<Engine> = LazyLock::new(|| new_engine(64));
    ENGINE.clone()
}

/// An engine of its own. All share their compiled code, so that a guest is compiled once per run.
pub(crate) fn new_engine(instances: u32) -> Engine {
    static CODE: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().unwrap());
    let cache_dir = Some(CODE.path().join("code"));
    Engine::new(EngineSettings { instances, cache_dir, ..EngineSettings::default() }).unwrap()
}

/// An archive on disk, for as long as this lives.
pub(crate) struct Bundle {
    pub(crate) archive: Archive,
    pub(crate) digest: Digest,
    _dir: TempDir,
}

/// Builds an archive of `files` with these lines under `packs:`.
pub(crate) fn bundle(packs: &str, files: &[(&str, &[u8])]) -> Bundle {
    bundle_in(Format::Squashfs, packs, files)
}

pub(crate) fn bundle_in(format: Format, packs: &str, files: &[(&str, &[u8])]) -> Bundle {
    let dir = TempDir::new().unwrap();
    let source = dir.path().join("source");
    let manifest =
        format!("schema: greentic.bundle.v1\nbundle_id: test\nversion: 1.0.0\npacks:\n{packs}");
    write(&source.join("bundle.yaml"), manifest.as_bytes());
    for (path, bytes) in files {
        write(&source.join(path), bytes);
    }
    pack(dir, &source, format)
}

/// Archives the folder `source`.
pub(crate) fn pack(dir: TempDir, source: &Path, format: Format) -> Bundle {
    let output = dir.path().join("test.gtbundle");
    let built = bundle::build(source, &output, format).unwrap();
    let archive = Archive::open(&output).unwrap();
    Bundle { archive, digest: built.bundle_digest, _dir: dir }
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

impl Bundle {
    pub(crate) fn load(&self, engine: &Engine) -> Result<Arc<Workload>, Fault> {
        self.load_with(engine, &Map::new())
    }

    pub(crate) fn load_with(
        &self,
        engine: &Engine,
        config: &Map<String, Value>,
    ) -> Result<Arc<Workload>, Fault> {
        self.load_given(engine, &Given { config: config.clone(), ..Given::default() })
    }

    pub(crate) fn load_given(
        &self,
        engine: &Engine,
        given: &Given,
    ) -> Result<Arc<Workload>, Fault> {
        engine.load(&self.archive, &self.digest, given).map(Arc::new)
    }
}

/// The misbehaving component at `/` with these lines added to its pack.
pub(crate) fn naughty_bundle(more: &str) -> Bundle {
    let pack =
        format!("  - {{pack_id: web, kind: http-component, path: packs/web.wasm, {more}}}\n");
    bundle(&pack, &[("packs/web.wasm", crate::guests::naughty())])
}

/// The misbehaving component, loaded.
pub(crate) fn naughty(more: &str) -> Arc<Workload> {
    naughty_bundle(more).load(&engine()).unwrap()
}

pub(crate) fn get(uri: &str) -> Request<Full<Bytes>> {
    Request::get(uri).body(Full::default()).unwrap()
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Sends `request` and waits for the whole answer.
pub(crate) async fn ask(workload: &Arc<Workload>, request: Request<Full<Bytes>>) -> Answer {
    whole(workload.respond(request).await).await
}

pub(crate) async fn whole(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// The next piece of data of a body.
pub(crate) async fn next(body: &mut Body) -> Option<Result<Bytes, BoxError>> {
    Some(body.frame().await?.map(|frame| frame.into_data().unwrap()))
}

/// Polls `future` once, and says whether it is done.
pub(crate) async fn poll_once<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    std::future::poll_fn(|cx| match Pin::new(&mut *future).poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// A request body that the test writes while it is read.
pub(crate) struct ChannelBody(mpsc::UnboundedReceiver<Result<Bytes, BoxError>>);

pub(crate) type BodySender = mpsc::UnboundedSender<Result<Bytes, BoxError>>;

pub(crate) fn channel_body() -> (BodySender, ChannelBody) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, ChannelBody(receiver))
}

impl http_body::Body for ChannelBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_recv(cx).map(|item| item.map(|item| item.map(Frame::data)))
    }
}
