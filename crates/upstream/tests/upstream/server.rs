//! A server that says exactly what a test wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use upstream::{Client, Endpoint, Error, Settings, Trust};

/// How long anything here may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub(crate) endpoint: Arc<Endpoint>,
    accepted: Arc<AtomicUsize>,
    _folder: TempDir,
}

impl Server {
    /// Gives every connection, with its number, to `serve`.
    pub(crate) fn start<F>(serve: impl Fn(UnixStream, usize) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("server.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let accepted = Arc::<AtomicUsize>::default();
        let count = accepted.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, count.fetch_add(1, Ordering::SeqCst)));
            }
        });
        let endpoint = Arc::new(Endpoint::Unix { path, trust: Trust::Path });
        Self { endpoint, accepted, _folder: folder }
    }

    /// Reads one request head and says `text` in these pieces, then closes.
    pub(crate) fn saying(pieces: Vec<Vec<u8>>) -> Self {
        Self::start(move |mut stream, _| {
            let pieces = pieces.clone();
            async move {
                if head(&mut stream).await.is_none() {
                    return;
                }
                for piece in pieces {
                    if stream.write_all(&piece).await.is_err() {
                        return;
                    }
                    // So that the other side has read it.
                    for _ in 0..3 {
                        tokio::task::yield_now().await;
                    }
                }
            }
        })
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// The next request head; none at the end of the connection.
pub(crate) async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

/// So many bytes.
pub(crate) async fn exactly(stream: &mut UnixStream, length: usize) -> String {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

pub(crate) async fn say(stream: &mut UnixStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

/// A client whose times are short enough for tests.
pub(crate) fn client() -> Client {
    Client::new(Settings {
        head_timeout: Duration::from_millis(300),
        silence_timeout: Duration::from_millis(300),
        continue_timeout: Duration::from_millis(50),
        ..Settings::default()
    })
}

pub(crate) fn get() -> Request<Full<Bytes>> {
    Request::get("/").header("host", "a.test").body(Full::default()).unwrap()
}

/// The whole answer to a request, or what was wrong.
pub(crate) async fn ask(
    client: &Client,
    server: &Server,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), String> {
    let answering = async {
        let response = client.send(&server.endpoint, request).await.map_err(word)?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| word(*error.downcast::<Error>().unwrap()))?;
        Ok((status, body.to_bytes()))
    };
    tokio::time::timeout(PATIENCE, answering).await.unwrap()
}

fn word(error: Error) -> String {
    match error {
        Error::Violation(violation) => format!("{violation:?}"),
        Error::Timeout(what) => format!("timeout: {what}"),
        Error::Closed => "closed".into(),
        other => other.to_string(),
    }
}
