//! What the server is sent.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use upstream::{Client, Settings};

use crate::server::{PATIENCE, Server, ask, client, get, say};

/// What a request looks like to the server: all that comes in one read.
async fn seen<B>(request: Request<B>) -> String
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<upstream::BoxError>,
{
    let (tell, mut told) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream, _| {
        let tell = tell.clone();
        async move {
            let mut bytes = vec![0; 64 * 1024];
            let n = stream.read(&mut bytes).await.unwrap();
            tell.send(String::from_utf8_lossy(&bytes[..n]).into_owned()).unwrap();
            say(&mut stream, "HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    });
    let client = client();
    let answering = client.send(&server.endpoint, request);
    tokio::time::timeout(PATIENCE, answering).await.unwrap().unwrap();
    told.recv().await.unwrap()
}

#[tokio::test]
async fn head_and_body_go_out_in_one_write_without_what_belongs_to_the_connection() {
    let request = Request::post("http://ignored.test/a/b?c=d")
        .header("host", "a.test")
        .header("connection", "X-Private, host, keep-alive")
        .header("x-private", "1")
        .header("te", "trailers")
        .header("transfer-encoding", "gzip")
        .header("content-length", "17")
        .header("upgrade", "h2c")
        .header("proxy-authorization", "secret")
        .header("x-kept", "1")
        .header("x-kept", "2")
        .body(Full::new(Bytes::from_static(b"hello")))
        .unwrap();
    assert_eq!(
        seen(request).await.split("\r\n").collect::<Vec<_>>(),
        [
            "POST /a/b?c=d HTTP/1.1",
            "host: a.test",
            "x-kept: 1",
            "x-kept: 2",
            // Said anew, about this connection.
            "connection: te",
            "te: trailers",
            "content-length: 5",
            "",
            "hello"
        ]
    );
}

#[tokio::test]
async fn a_body_without_a_length_is_chunked_with_its_trailers() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", "7".parse().unwrap());
    trailers.insert("content-length", "7".parse().unwrap());
    let frames = [
        Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from_static(b"hello "))),
        Ok(Frame::data(Bytes::from_static(b"you"))),
        Ok(Frame::trailers(trailers)),
    ];
    let body = Frames(frames.into_iter());
    let request = Request::put("/").header("host", "a.test").body(body).unwrap();
    assert_eq!(
        seen(request).await,
        "PUT / HTTP/1.1\r\nhost: a.test\r\ntransfer-encoding: chunked\r\n\r\n\
         6\r\nhello \r\n3\r\nyou\r\n0\r\nx-sum: 7\r\n\r\n"
    );
}

#[tokio::test]
async fn an_empty_body_has_a_length_where_one_is_expected() {
    for (method, line) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::POST, "content-length: 0\r\n"),
        (Method::PUT, "content-length: 0\r\n"),
    ] {
        let mut request = get();
        *request.method_mut() = method.clone();
        let expected = format!("{method} / HTTP/1.1\r\nhost: a.test\r\n{line}\r\n");
        assert_eq!(seen(request).await, expected);
    }
}

/// A body of these frames.
struct Frames<I>(I);

impl<E, I: Iterator<Item = Result<Frame<Bytes>, E>> + Unpin> http_body::Body for Frames<I> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<I::Item>> {
        std::task::Poll::Ready(self.0.next())
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_fails_the_exchange() {
    let frames = [
        Ok(Frame::data(Bytes::from_static(b"hello"))),
        Err(std::io::Error::other("the client went away")),
    ];
    let body = Frames(frames.into_iter());
    let server = Server::start(|mut stream, _| async move {
        while crate::server::head(&mut stream).await.is_some() {}
    });
    let request = Request::post("/").body(body).unwrap();
    let error = client().send(&server.endpoint, request).await.unwrap_err();
    assert_eq!(error.to_string(), "the body of the request broke off: the client went away");
    // What is there is not needed any more.
    assert_eq!(ask(&client(), &server, get()).await.unwrap_err(), "timeout: answer");
}

#[tokio::test]
async fn the_body_waits_for_the_server_when_it_is_asked_to() {
    let server = Server::start(|mut stream, index| async move {
        let head = crate::server::head(&mut stream).await.unwrap();
        assert!(head.contains("\r\nexpect: 100-continue\r\n"), "{head}");
        let first = match index {
            0 => "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n",
            1 => "HTTP/1.1 100 Continue\r\n\r\n",
            // A server that does not know the expectation is not waited for.
            _ => "",
        };
        say(&mut stream, first).await;
        if index > 0 {
            let body = crate::server::exactly(&mut stream, 5).await;
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{body}");
            say(&mut stream, &answer).await;
        } else {
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
            assert!(rest.is_empty());
        }
    });
    // That the server does not say so is waited for, and not that it answers.
    let client = Client::new(Settings {
        continue_timeout: Duration::from_millis(50),
        head_timeout: Duration::from_secs(3_600),
        ..Settings::default()
    });
    for (status, text) in [(417, ""), (200, "hello"), (200, "hello")] {
        let request = Request::put("/")
            .header("expect", "100-continue")
            .body(Full::new(Bytes::from_static(b"hello")))
            .unwrap();
        let (said, body) = ask(&client, &server, request).await.unwrap();
        assert_eq!((said.as_u16(), &*body), (status, text.as_bytes()));
    }
}

#[tokio::test]
async fn a_whole_answer_is_at_hand_at_once() {
    let server = Server::saying(vec![b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi".into()]);
    let response = client().send(&server.endpoint, get()).await.unwrap();
    assert_eq!(response.body().whole().unwrap(), "hi");
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hi");
}
