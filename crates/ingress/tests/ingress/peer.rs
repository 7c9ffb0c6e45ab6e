//! hyper's client as an independent judge: it shares no line of HTTP with the server.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;

use crate::client::{LARGE, finish, serve};

/// A body of so many blocks, whose length is announced or not, and with trailers or without.
struct Blocks {
    left: usize,
    announced: bool,
    trailers: Option<HeaderMap>,
}

const BLOCK: usize = 16 * 1024;
/// Some MB in all: no buffer on the way holds that much.
const BLOCKS: usize = 512;

fn block(index: usize) -> Bytes {
    (0..BLOCK).map(|at| u8::try_from((index + at) % 251).unwrap_or(0)).collect()
}

fn none() -> Blocks {
    Blocks { left: 0, announced: true, trailers: None }
}

impl http_body::Body for Blocks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(block(self.left)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = (self.left * BLOCK) as u64;
        if self.announced { SizeHint::with_exact(length) } else { SizeHint::default() }
    }
}

struct Peer(SendRequest<Blocks>);

impl Peer {
    async fn send(&mut self, method: Method, path: &str, body: Blocks) -> Response<Incoming> {
        self.ask(Request::builder().method(method).uri(path).body(body).unwrap()).await
    }

    async fn ask(&mut self, mut request: Request<Blocks>) -> Response<Incoming> {
        request.headers_mut().insert(HOST, HeaderValue::from_static("x"));
        self.0.ready().await.unwrap();
        self.0.send_request(request).await.unwrap()
    }
}

async fn text(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs `judge` with one connection of hyper's to a fresh server.
fn with_peer<F: Future<Output = ()>>(judge: impl FnOnce(Peer) -> F) {
    let running = serve(|_| {});
    let address = running.local_addr();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        let driver = tokio::spawn(connection);
        judge(Peer(sender)).await;
        // No half message was left behind for hyper to stumble over.
        driver.await.unwrap().unwrap();
    });
    finish(running);
}

#[test]
fn one_connection_takes_many_requests_of_every_kind() {
    with_peer(async |mut peer| {
        for round in 0..20 {
            let path = format!("/{round}");
            let response = peer.send(Method::GET, &path, none()).await;
            assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_11));
            assert_eq!(text(response).await, path);
            let response = peer.send(Method::HEAD, "/some-path", none()).await;
            assert_eq!(response.headers()[CONTENT_LENGTH], "10");
            assert_eq!(text(response).await, "");
            let response = peer.send(Method::GET, "/stream", none()).await;
            assert_eq!(response.headers()[TRANSFER_ENCODING], "chunked");
            assert_eq!(text(response).await, "piecepiecepiece");
            let sent = Blocks { left: 2, announced: round % 2 == 0, trailers: None };
            assert_eq!(text(peer.send(Method::POST, "/size", sent).await).await, "32768");
        }
    });
}

#[test]
fn answers_without_a_body_leave_the_connection_in_step() {
    with_peer(async |mut peer| {
        for status in [204, 304] {
            for method in [Method::GET, Method::HEAD, Method::POST] {
                let response = peer.send(method, &format!("/status/{status}"), none()).await;
                assert_eq!(response.status().as_u16(), status);
                assert!(!response.headers().contains_key(TRANSFER_ENCODING));
                assert!(!response.headers().contains_key(CONTENT_LENGTH));
                assert_eq!(text(response).await, "");
                assert_eq!(text(peer.send(Method::GET, "/next", none()).await).await, "/next");
            }
        }
    });
}

#[test]
fn bodies_of_some_megabytes_stream_both_ways_at_once() {
    with_peer(async |mut peer| {
        for announced in [true, false] {
            let sent = Blocks { left: BLOCKS, announced, trailers: None };
            let response = peer.send(Method::POST, "/echo", sent).await;
            assert_eq!(response.headers().contains_key(CONTENT_LENGTH), announced);
            let came = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(came.len(), BLOCKS * BLOCK);
            for (index, part) in came.chunks(BLOCK).enumerate() {
                assert!(part == block(BLOCKS - 1 - index), "block {index} differs");
            }
        }
        let large = peer.send(Method::GET, "/large", none()).await;
        assert_eq!(text(large).await.len(), LARGE);
    });
}

#[test]
fn trailers_of_a_request_reach_the_service_and_those_of_an_answer_the_client() {
    with_peer(async |mut peer| {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("42"));
        let body = Blocks { left: 3, announced: false, trailers: Some(trailers.clone()) };
        let request = Request::post("/echo").header(TRAILER, "x-sum").body(body).unwrap();
        let came = peer.ask(request).await.into_body().collect().await.unwrap();
        assert_eq!(came.trailers(), Some(&trailers));
        assert_eq!(came.to_bytes().len(), 3 * BLOCK);
        assert_eq!(text(peer.send(Method::GET, "/next", none()).await).await, "/next");
    });
}

#[test]
fn a_body_is_sent_after_continue_and_the_connection_stays() {
    with_peer(async |mut peer| {
        for path in ["/size", "/echo"] {
            let body = Blocks { left: 1, announced: true, trailers: None };
            let request = Request::post(path).header(EXPECT, "100-continue").body(body).unwrap();
            let response = peer.ask(request).await;
            assert_eq!(response.status(), StatusCode::OK);
            response.into_body().collect().await.unwrap();
            assert_eq!(text(peer.send(Method::GET, "/next", none()).await).await, "/next");
        }
    });
}
