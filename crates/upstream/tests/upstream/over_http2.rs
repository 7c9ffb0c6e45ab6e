//! HTTP/2 towards servers that behave: many requests in one connection, and what becomes of them when
//! it ends.

mod bodies;

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full};
use tokio::sync::{Barrier, mpsc};
use upstream::BoxError;

use crate::frames::{
    CANCEL, DATA, END_STREAM, Frames, GOAWAY, HEADERS, INTERNAL_ERROR, REFUSED_STREAM, RST_STREAM,
    WINDOW_UPDATE, answer, client, frame, go_away, head, reset,
};
use crate::server::{PATIENCE, Server, ask, get};

/// A server by the library, which answers each request in a task of its own.
fn serving<F>(
    settings: h2::server::Builder,
    serve: impl Fn(Request<RecvStream>, SendResponse<Bytes>) -> F + Clone + Send + Sync + 'static,
) -> Server
where
    F: Future<Output = ()> + Send + 'static,
{
    Server::start(move |stream, _| {
        let (settings, serve) = (settings.clone(), serve.clone());
        async move {
            let Ok(mut connection) = settings.handshake(stream).await else { return };
            while let Some(Ok((request, respond))) = connection.accept().await {
                tokio::spawn(serve(request, respond));
            }
        }
    })
}

fn library() -> h2::server::Builder {
    h2::server::Builder::new()
}

fn say(respond: &mut SendResponse<Bytes>, text: String) {
    let mut stream = respond.send_response(Response::new(()), false).unwrap();
    stream.send_data(text.into(), true).unwrap();
}

fn post(body: &'static str) -> Request<Full<Bytes>> {
    let request = Request::post("/").header("host", "a.test");
    request.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}

#[tokio::test]
async fn a_request_is_the_one_that_http_1_would_write() {
    let server = serving(library(), |request, mut respond| async move {
        let (parts, _) = request.into_parts();
        let lines: BTreeSet<String> = parts
            .headers
            .iter()
            .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
            .collect();
        let lines = lines.into_iter().collect::<Vec<_>>().join(",");
        say(&mut respond, format!("{} {} {lines}", parts.method, parts.uri));
    });
    let client = client(|_| {});
    let with = |method: Method, lines: &[(&'static str, &'static str)], body: &'static [u8]| {
        let mut request = Request::builder().method(method).uri("/a?b=c");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        request.body(Full::new(Bytes::from_static(body))).unwrap()
    };
    let hop = [
        ("host", "a.test:8080"),
        ("connection", "keep-alive, x-private"),
        ("x-private", "1"),
        ("keep-alive", "1"),
        ("proxy-authorization", "Basic x"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("x-public", "1"),
    ];
    for (request, expected) in [
        (with(Method::GET, &hop, b""), "GET http://a.test:8080/a?b=c x-public=1"),
        (with(Method::GET, &[], b""), "GET http://localhost/a?b=c "),
        (
            with(Method::GET, &[("host", "a"), ("te", "trailers")], b""),
            "GET http://a/a?b=c te=trailers",
        ),
        (with(Method::GET, &[("host", "a"), ("te", "gzip")], b""), "GET http://a/a?b=c "),
        (
            with(Method::POST, &[("host", "a"), ("content-length", "7")], b"hello"),
            "POST http://a/a?b=c content-length=5",
        ),
        (with(Method::POST, &[("host", "a")], b""), "POST http://a/a?b=c content-length=0"),
    ] {
        let (status, body) = ask(&client, &server, request).await.unwrap();
        assert_eq!((status, body), (StatusCode::OK, expected.as_bytes().into()));
    }
    assert_eq!(server.connections(), 1);
}

/// As many requests as the barrier waits for, at once.
async fn at_once(count: usize, settings: h2::server::Builder) -> Server {
    let barrier = Arc::new(Barrier::new(count));
    let server = serving(settings, move |_, mut respond| {
        let barrier = barrier.clone();
        async move {
            barrier.wait().await;
            say(&mut respond, String::new());
        }
    });
    let client = client(|_| {});
    let asking = (0..count).map(|_| {
        let (client, endpoint) = (client.clone(), server.endpoint.clone());
        tokio::spawn(async move { client.send(&endpoint, get()).await.unwrap().status() })
    });
    for asked in asking.collect::<Vec<_>>() {
        assert_eq!(within(asked).await.unwrap(), StatusCode::OK);
    }
    server
}

#[tokio::test]
async fn requests_share_a_connection() {
    assert_eq!(at_once(50, library()).await.connections(), 1);
}

#[tokio::test]
async fn who_lets_no_more_in_gets_another_connection() {
    let mut two = library();
    two.max_concurrent_streams(2);
    assert_eq!(at_once(6, two).await.connections(), 3);
}

#[tokio::test]
async fn what_a_server_has_not_looked_at_is_sent_once_more() {
    // By a reset, and by a connection that goes away; each a POST, whose body goes again.
    for goodbye in [reset(1, REFUSED_STREAM), go_away(0, 0), go_away(0, INTERNAL_ERROR)] {
        let stays = goodbye[3] == RST_STREAM;
        let server = Server::start(move |stream, index| {
            let goodbye = goodbye.clone();
            async move {
                let mut frames = Frames::open(stream).await;
                if index == 0 {
                    frames.request().await;
                    frames.send(&goodbye).await;
                    if !stays {
                        return frames.read_away().await;
                    }
                }
                let id = frames.request().await;
                let (of, body) = frames.next_of(DATA).await.unwrap();
                assert_eq!((of, body), (id, b"hello".to_vec()));
                frames.send(&answer(id)).await;
                frames.read_away().await;
            }
        });
        let (status, _) = ask(&client(|_| {}), &server, post("hello")).await.unwrap();
        assert_eq!(status, StatusCode::OK);
        assert_eq!(server.connections(), if stays { 1 } else { 2 });
    }
}

/// Answers every request with a reset, and counts them.
fn resetting(reason: u32) -> (Server, Arc<AtomicUsize>) {
    let count = Arc::<AtomicUsize>::default();
    let counted = count.clone();
    let server = Server::start(move |stream, _| {
        let counted = counted.clone();
        async move {
            let mut frames = Frames::open(stream).await;
            while let Some((id, _)) = frames.next_of(HEADERS).await {
                counted.fetch_add(1, Ordering::SeqCst);
                frames.send(&reset(id, reason)).await;
            }
        }
    });
    (server, count)
}

#[tokio::test]
async fn a_request_is_never_sent_three_times_nor_twice_if_it_may_have_been_looked_at() {
    for (reason, sent) in [(REFUSED_STREAM, 2), (INTERNAL_ERROR, 1), (CANCEL, 1)] {
        let (server, count) = resetting(reason);
        let why = ask(&client(|_| {}), &server, get()).await.unwrap_err();
        assert!(why.starts_with("it gave up on the request: "), "{why}");
        assert_eq!(count.load(Ordering::SeqCst), sent, "{why}");
    }
}

/// A body that the test writes.
struct Written(mpsc::Receiver<Frame<Bytes>>);

impl http_body::Body for Written {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

fn written() -> (mpsc::Sender<Frame<Bytes>>, Request<Written>) {
    let (write, body) = mpsc::channel(1);
    let request = Request::post("/").header("host", "a.test").header("te", "trailers");
    (write, request.body(Written(body)).unwrap())
}

fn data(bytes: &'static [u8]) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(bytes))
}

#[tokio::test]
async fn a_long_body_that_has_begun_is_not_sent_again() {
    let server = Server::start(|stream, _| async move {
        let mut frames = Frames::open(stream).await;
        let id = frames.request().await;
        for of in [0, id] {
            frames.send(&frame(WINDOW_UPDATE, 0, of, &(1_u32 << 20).to_be_bytes())).await;
        }
        let mut came = 0;
        while came < 100_000 {
            came += frames.next_of(DATA).await.unwrap().1.len();
        }
        frames.send(&reset(id, REFUSED_STREAM)).await;
        frames.read_away().await;
    });
    let (write, request) = written();
    let writing = tokio::spawn(async move {
        while write.send(Frame::data(Bytes::from(vec![0; 10_000]))).await.is_ok() {}
    });
    let why = within(client(|_| {}).send(&server.endpoint, request)).await.unwrap_err();
    assert!(why.to_string().starts_with("it gave up on the request: "), "{why}");
    within(writing).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_ended_costs_no_request_that_may_be_sent_twice() {
    // Answers one request for each connection, and cuts it when there is another.
    let server = Server::start(|stream, _| async move {
        let mut frames = Frames::open(stream).await;
        let id = frames.request().await;
        frames.send(&answer(id)).await;
        frames.request().await;
    });
    let client = client(|_| {});
    for _ in 0..3 {
        assert_eq!(ask(&client, &server, get()).await.unwrap().0, StatusCode::OK);
    }
    assert_eq!(server.connections(), 3);
    // Whether the server has done what this asks for, nobody knows.
    assert_eq!(ask(&client, &server, post("hello")).await, Err("closed".into()));
    // And on a connection that was made for it, nothing is tried again.
    let server = Server::start(|stream, _| async move {
        Frames::open(stream).await.request().await;
    });
    assert_eq!(ask(&client, &server, get()).await, Err("closed".into()));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_goes_away_ends_what_is_in_it_and_takes_nothing_new() {
    let server = Server::start(|stream, index| async move {
        let mut frames = Frames::open(stream).await;
        let id = frames.request().await;
        if index == 0 {
            frames.send(&[head(id, 0, &[(":status", "200")]), go_away(id, 0)].concat()).await;
            frames.send(&frame(DATA, 0, id, b"half")).await;
            // The client is asked for another request, and makes it elsewhere.
            assert!(frames.next_of(HEADERS).await.is_none());
        } else {
            frames.send(&answer(id)).await;
            frames.read_away().await;
        }
    });
    let client = client(|_| {});
    let first = within(client.send(&server.endpoint, get())).await.unwrap();
    let mut body = first.into_body();
    let half = within(body.frame()).await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(half, "half");
    assert_eq!(ask(&client, &server, get()).await.unwrap().0, StatusCode::OK);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn silence_is_a_timeout_and_the_next_request_goes_elsewhere() {
    let server = Server::start(|stream, index| async move {
        let mut frames = Frames::open(stream).await;
        let id = frames.request().await;
        match index {
            0 => {}
            1 => drop(frames.send(&head(id, 0, &[(":status", "200")])).await),
            _ => drop(frames.send(&answer(id)).await),
        }
        frames.read_away().await;
    });
    let client = client(|settings| {
        settings.head_timeout = Duration::from_millis(100);
        settings.silence_timeout = Duration::from_millis(100);
    });
    for expected in ["timeout: answer", "timeout: go on with its answer"] {
        assert_eq!(ask(&client, &server, get()).await, Err(expected.into()));
    }
    assert_eq!(ask(&client, &server, get()).await.unwrap().0, StatusCode::OK);
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_connection_without_requests_ends_with_a_farewell() {
    let (told, mut hears) = mpsc::unbounded_channel();
    let server = Server::start(move |stream, _| {
        let told = told.clone();
        async move {
            let mut frames = Frames::open(stream).await;
            let id = frames.request().await;
            frames.send(&answer(id)).await;
            let last = frames.next_of(GOAWAY).await;
            frames.read_away().await;
            told.send(last.is_some()).unwrap();
        }
    });
    let client = client(|settings| settings.idle_timeout = Duration::from_millis(50));
    assert_eq!(ask(&client, &server, get()).await.unwrap().0, StatusCode::OK);
    assert_eq!(within(hears.recv()).await, Some(true));
    assert_eq!(ask(&client, &server, get()).await.unwrap().0, StatusCode::OK);
    assert_eq!(within(hears.recv()).await, Some(true));
    // So does one whose client is gone, at once.
    let other = self::client(|_| {});
    assert_eq!(ask(&other, &server, get()).await.unwrap().0, StatusCode::OK);
    drop(other);
    assert_eq!(within(hears.recv()).await, Some(true));
}
