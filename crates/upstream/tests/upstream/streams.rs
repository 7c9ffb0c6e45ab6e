//! Both bodies at once, with back-pressure, and another protocol behind a 101.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{BodyExt as _, Empty};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc};
use upstream::{BoxError, Client, Settings};

use crate::server::{PATIENCE, Server, client, exactly, get, head, say};

/// A body that the test writes.
struct Written(mpsc::Receiver<Bytes>);

impl http_body::Body for Written {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_recv(cx).map(|data| data.map(|data| Ok(Frame::data(data))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[tokio::test]
async fn both_bodies_flow_at_once() {
    let server = Server::start(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        for _ in 0..3 {
            let chunk = exactly(&mut stream, "4\r\nping\r\n".len()).await;
            assert_eq!(chunk, "4\r\nping\r\n");
            say(&mut stream, "4\r\npong\r\n").await;
        }
        exactly(&mut stream, "0\r\n\r\n".len()).await;
        say(&mut stream, "0\r\nx-sum: 3\r\n\r\n").await;
        std::future::pending::<()>().await;
    });
    let (write, body) = mpsc::channel(1);
    let client = client();
    let request = Request::post("/").body(Written(body)).unwrap();
    let mut body = client.send(&server.endpoint, request).await.unwrap().into_body();
    for _ in 0..3 {
        write.send(Bytes::from_static(b"ping")).await.unwrap();
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap();
        assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), "pong");
    }
    drop(write);
    let trailers: HeaderMap = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(trailers["x-sum"], "3");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_server_that_takes_nothing_stops_the_body() {
    let server = Server::start(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        std::future::pending::<()>().await;
    });
    let (write, body) = mpsc::channel(1);
    let client = client();
    let request = Request::post("/").body(Written(body)).unwrap();
    let mut answer = client.send(&server.endpoint, request).await.unwrap().into_body();
    let piece = Bytes::from(vec![0; 64 * 1024]);
    let sent = async {
        let mut sent = 0;
        while write.send(piece.clone()).await.is_ok() {
            sent += piece.len();
        }
        sent
    };
    // The answer ends in silence; what was taken until then is what sockets hold.
    let (sent, frame) = tokio::join!(sent, async {
        let frame = answer.frame().await;
        drop(answer);
        frame
    });
    assert!(frame.unwrap().is_err());
    assert!(sent < 4 << 20, "{sent} bytes");
}

#[tokio::test]
async fn a_client_that_reads_nothing_stops_the_server() {
    let (tell, mut told) = mpsc::channel(1);
    let server = Server::start(move |mut stream, _| {
        let tell = tell.clone();
        async move {
            head(&mut stream).await;
            say(&mut stream, "HTTP/1.1 200 OK\r\n\r\n").await;
            let piece = [0; 64 * 1024];
            let mut written = 0;
            while stream.write_all(&piece).await.is_ok() {
                written += piece.len();
            }
            tell.send(written).await.unwrap();
        }
    });
    let client = client();
    let answer = client.send(&server.endpoint, get()).await.unwrap();
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    drop(answer);
    let written = tokio::time::timeout(PATIENCE, told.recv()).await.unwrap().unwrap();
    assert!(written < 4 << 20, "{written} bytes");
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_request_is_an_answer() {
    let server = Server::start(|mut stream, _| async move {
        head(&mut stream).await;
        let answer = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nno!";
        say(&mut stream, answer).await;
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    });
    let (_write, body) = mpsc::channel(1);
    let request = Request::post("/").body(Written(body)).unwrap();
    let response = client().send(&server.endpoint, request).await.unwrap();
    assert_eq!(response.status(), 413);
    assert!(!response.body().is_end_stream());
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "no!");
}

#[tokio::test]
async fn a_stream_may_be_silent_for_longer_than_an_answer() {
    let more = Arc::new(Notify::new());
    let tell = Arc::clone(&more);
    let server = Server::start(move |mut stream, _| {
        let more = Arc::clone(&more);
        async move {
            let asked = head(&mut stream).await.unwrap();
            let kind =
                if asked.starts_with("GET /events") { "text/event-stream" } else { "text/plain" };
            let said =
                format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: 2\r\n\r\n1");
            say(&mut stream, &said).await;
            more.notified().await;
            say(&mut stream, "2").await;
        }
    });
    let silence_timeout = Duration::from_millis(50);
    let client = Client::new(Settings { silence_timeout, ..Settings::default() });
    let ask = async |path: &str| {
        let request = Request::get(path).header("host", "a").body(Empty::<Bytes>::new()).unwrap();
        client.send(&server.endpoint, request).await.unwrap().into_body()
    };
    let events = tokio::spawn(ask("/events").await.collect());
    // What is no stream and began later is over by now.
    assert!(ask("/plain").await.collect().await.is_err());
    tell.notify_waiters();
    assert_eq!(events.await.unwrap().unwrap().to_bytes(), "12");
}
