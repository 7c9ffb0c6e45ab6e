//! A server for tests, and a client that sees bytes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use ingress::{Body, BoxError, Peer, Running, Server, Service, Settings};

type Answer = UnsyncBoxBody<Bytes, BoxError>;

/// Answers by path: `/echo` streams the body back, `/size` counts it, `/ignore` never reads it,
/// `/stream` has no known length, `/panic` panics, `/hold` never answers.
pub(crate) struct Site;

impl Service for Site {
    type Body = Answer;

    async fn call(&self, request: Request<Body>, _: &Peer) -> Response<Answer> {
        match request.uri().path() {
            "/echo" => Response::new(request.into_body().boxed_unsync()),
            "/size" => match request.into_body().collect().await {
                Ok(body) => text(&body.to_bytes().len().to_string()),
                Err(_) => text("broken"),
            },
            "/stream" => Response::new(Pieces(3).boxed_unsync()),
            "/panic" => panic!("a service that panics, as the test asked"),
            "/hold" => std::future::pending().await,
            path => text(path),
        }
    }
}

struct Pieces(u8);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"piece")))))
    }
}

fn text(text: &str) -> Response<Answer> {
    let body = Full::new(Bytes::copy_from_slice(text.as_bytes()));
    Response::new(body.map_err(|never| match never {}).boxed_unsync())
}

pub(crate) fn serve(change: impl FnOnce(&mut Settings)) -> Running {
    let mut settings = Settings { threads: 2, ..Settings::default() };
    change(&mut settings);
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), settings).unwrap();
    server.start(&Arc::new(Site))
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends everything, then reads until the server closes.
pub(crate) fn whole(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = connect(address);
    // The server may refuse before all of it is sent.
    let _ = stream.write_all(bytes);
    rest(&mut stream)
}

pub(crate) fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads one answer whose length is known: status line and body.
pub(crate) fn one(stream: &mut TcpStream) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    (head.lines().next().unwrap().to_owned(), String::from_utf8(body).unwrap())
}

pub(crate) fn finish(running: Running) {
    let report = running.drain(Duration::from_secs(20));
    assert_eq!(report.cut, 0, "{report:?}");
}

pub(crate) fn hang_up(stream: &TcpStream) {
    stream.shutdown(Shutdown::Both).unwrap();
}
