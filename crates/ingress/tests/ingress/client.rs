//! A server for tests, and a client that sees bytes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use ingress::{Body, BoxError, Peer, Running, Server, Service, Settings};

pub(crate) type Answer = UnsyncBoxBody<Bytes, BoxError>;

/// Answers by path: `/echo` streams the body back, `/size` counts it, `/ignore` never reads it,
/// `/stream` has no known length, `/large` is one large piece, `/panic` panics, `/hold` never
/// answers, `/panic-late` panics in its body, `/trailers` sends one too many, `/stall` never ends its answer, `/give-up` asks for the body once and waits like
/// `/wait` for a `/release`, `/cookie` shows the one line of cookies, `/status/…` answers with that
/// status.
#[derive(Default)]
pub(crate) struct Site {
    events: Option<Sender<Event>>,
    released: tokio::sync::Notify,
}

/// What a service tells of its own life.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Begun,
    Dropped,
}

/// Tells when it is dropped.
struct Guard(Option<Sender<Event>>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.take().map(|events| events.send(Event::Dropped));
    }
}

impl Site {
    pub(crate) fn telling(events: Sender<Event>) -> Self {
        Self { events: Some(events), ..Self::default() }
    }

    fn guard(&self) -> Guard {
        if let Some(events) = &self.events {
            events.send(Event::Begun).unwrap();
        }
        Guard(self.events.clone())
    }
}

/// The size of the one piece of `/large`, in bytes.
pub(crate) const LARGE: usize = 32 << 20;

impl Service for Site {
    type Body = Answer;
    type Relay = ingress::NoRelay<Self::Body>;

    async fn call(&self, request: Request<Body>, _: &Peer) -> Response<Answer> {
        match request.uri().path() {
            "/echo" => Response::new(request.into_body().boxed_unsync()),
            "/size" => match request.into_body().collect().await {
                Ok(body) => text(&body.to_bytes().len().to_string()),
                Err(_) => text("broken"),
            },
            "/stream" => Response::new(Pieces(3).boxed_unsync()),
            "/large" => text(&"x".repeat(LARGE)),
            "/panic-late" => Response::new(Panics.boxed_unsync()),
            "/trailers" => Response::new(Trailers.boxed_unsync()),
            "/panic" => panic!("a service that panics, as the test asked"),
            "/hold" => {
                let _guard = self.guard();
                std::future::pending().await
            }
            "/stall" => Response::new(Stall { begun: false, _guard: self.guard() }.boxed_unsync()),
            "/give-up" => {
                let mut body = request.into_body();
                let mut frame = body.frame();
                let once = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut frame).poll(cx)));
                let asked = once.await.is_pending();
                drop(body);
                let _guard = self.guard();
                self.released.notified().await;
                text(&format!("pending: {asked}"))
            }
            "/wait" => {
                let _guard = self.guard();
                self.released.notified().await;
                text("released")
            }
            "/cookie" => {
                let lines: Vec<_> = request.headers().get_all("cookie").iter().collect();
                assert_eq!(lines.len(), 1, "one line of cookies");
                text(lines[0].to_str().unwrap())
            }
            "/release" => {
                self.released.notify_one();
                text("done")
            }
            path => match path.strip_prefix("/status/") {
                Some(status) => {
                    let mut response = text("some text");
                    *response.status_mut() = status.parse().unwrap();
                    response
                }
                None => text(path),
            },
        }
    }
}

/// A body that panics.
struct Panics;

impl http_body::Body for Panics {
    type Data = Bytes;
    type Error = BoxError;
    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        panic!("a body that panics, as the test asked")
    }
}

/// A body of trailers only, one of which is none.
struct Trailers;

impl http_body::Body for Trailers {
    type Data = Bytes;
    type Error = BoxError;
    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("x-sum", http::HeaderValue::from_static("1"));
        trailers.insert("content-length", http::HeaderValue::from_static("7"));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

/// One piece, and then nothing for ever.
struct Stall {
    begun: bool,
    _guard: Guard,
}

impl http_body::Body for Stall {
    type Data = Bytes;
    type Error = BoxError;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !std::mem::replace(&mut self.begun, true) {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"piece")))));
        }
        Poll::Pending
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

pub(crate) fn text(text: &str) -> Response<Answer> {
    let body = Full::new(Bytes::copy_from_slice(text.as_bytes()));
    Response::new(body.map_err(|never| match never {}).boxed_unsync())
}

pub(crate) fn serve(change: impl FnOnce(&mut Settings)) -> Running {
    serve_with(change, Site::default())
}

/// The same, and what its services tell.
pub(crate) fn serve_telling(change: impl FnOnce(&mut Settings)) -> (Running, Receiver<Event>) {
    let (events, told) = std::sync::mpsc::channel();
    (serve_with(change, Site::telling(events)), told)
}

pub(crate) fn serve_with<S: Service>(change: impl FnOnce(&mut Settings), service: S) -> Running {
    let mut settings = Settings { threads: 2, ..Settings::default() };
    change(&mut settings);
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), settings).unwrap();
    server.start(&Arc::new(service))
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
