//! Behind the server side of this house: what a client of the proxy sees, byte for byte.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty};
use ingress::{BoxError, Peer, Running, Service};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use upstream::{Client, Endpoint, Settings};

use crate::server::{PATIENCE, Server, exactly, head, say};

struct Proxy {
    client: Client,
    endpoint: Arc<Endpoint>,
}

impl Service for Proxy {
    type Body = UnsyncBoxBody<bytes::Bytes, BoxError>;
    type Relay = ingress::NoRelay<Self::Body>;

    async fn call(&self, request: Request<ingress::Body>, _: &Peer) -> Response<Self::Body> {
        match self.client.send(&self.endpoint, request).await {
            Ok(response) => response.map(http_body_util::BodyExt::boxed_unsync),
            Err(_) => {
                let none = Empty::new().map_err(|never| match never {}).boxed_unsync();
                let mut response = Response::new(none);
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                response
            }
        }
    }
}

pub(crate) fn proxy(server: &Server) -> Running {
    let settings = Settings { stream_timeout: Duration::from_millis(300), ..Settings::default() };
    let proxy = Proxy { client: Client::new(settings), endpoint: server.endpoint.clone() };
    let settings = ingress::Settings { threads: 1, ..ingress::Settings::default() };
    let server = ingress::Server::bind("127.0.0.1:0".parse().unwrap(), settings).unwrap();
    server.start(&Arc::new(proxy))
}

struct Peered {
    stream: TcpStream,
    _running: Running,
}

impl Peered {
    async fn new(server: &Server) -> Self {
        let running = proxy(server);
        let stream = TcpStream::connect(running.local_addr()).await.unwrap();
        Self { stream, _running: running }
    }

    async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// What comes until it ends so.
    async fn until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let byte = tokio::time::timeout(PATIENCE, self.stream.read_u8()).await.unwrap();
            text.push(byte.unwrap());
        }
        String::from_utf8(text).unwrap()
    }

    async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await;
        matches!(read, Ok(Ok(0)))
    }
}

const OFFER: &str = "GET /chat HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Upgrade\r\n\
    upgrade: WebSocket\r\nsec-websocket-key: k\r\n\r\n";
const ACCEPT: &str = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\
    connection: Upgrade\r\nsec-websocket-accept: a\r\n\r\n";

/// Accepts the offer and sends everything back in capitals.
fn shouting() -> Server {
    Server::start(|mut stream, _| async move {
        let head = head(&mut stream).await.unwrap();
        let offered = head.contains("\r\nconnection: upgrade\r\nupgrade: websocket\r\n");
        assert!(offered && head.contains("\r\nsec-websocket-key: k\r\n"), "{head}");
        // The first words come with the answer.
        say(&mut stream, &format!("{ACCEPT}WELCOME")).await;
        let mut bytes = [0; 1024];
        while let Ok(n @ 1..) = stream.read(&mut bytes).await {
            let loud = String::from_utf8_lossy(&bytes[..n]).to_uppercase();
            say(&mut stream, &loud).await;
            if loud == "BYE" {
                return;
            }
        }
        say(&mut stream, "GONE").await;
    })
}

#[tokio::test]
async fn behind_a_101_both_ends_speak_as_they_like() {
    let server = shouting();
    let mut client = Peered::new(&server).await;
    // What the client says ahead of the answer is not lost.
    client.say(&format!("{OFFER}early")).await;
    let head = client.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    assert!(head.contains("\r\nconnection: upgrade\r\nupgrade: websocket\r\n"), "{head}");
    assert!(head.contains("\r\nsec-websocket-accept: a\r\n"), "{head}");
    assert_eq!(client.until("EARLY").await, "WELCOMEEARLY");
    client.say("hello").await;
    assert_eq!(client.until("HELLO").await, "HELLO");
    client.say("bye").await;
    assert_eq!(client.until("BYE").await, "BYE");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn the_server_hears_that_the_client_has_ended_its_side() {
    let server = shouting();
    let mut client = Peered::new(&server).await;
    client.say(OFFER).await;
    client.until("WELCOME").await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.until("GONE").await, "GONE");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn silence_ends_a_tunnel() {
    let server = shouting();
    let mut client = Peered::new(&server).await;
    client.say(OFFER).await;
    client.until("WELCOME").await;
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, client.stream.read_to_end(&mut rest)).await;
    assert!(read.is_ok() && rest.is_empty(), "{rest:?}");
}

/// Answers with the head it was sent, and no 101.
fn refusing() -> Server {
    Server::start(|mut stream, _| async move {
        while let Some(head) = head(&mut stream).await {
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}", head.len());
            say(&mut stream, &answer).await;
        }
    })
}

#[tokio::test]
async fn an_offer_that_is_not_taken_is_a_request_like_any_other() {
    let server = refusing();
    let mut client = Peered::new(&server).await;
    for _ in 0..2 {
        client.say(OFFER).await;
        assert!(client.until("\r\n\r\n").await.starts_with("HTTP/1.1 200 OK\r\n"));
        client.until("\r\n\r\n").await;
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn no_other_protocol_is_offered() {
    for offer in [
        "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: x\r\n",
        "connection: upgrade\r\nupgrade: websocket, h2c\r\n",
        "connection: upgrade\r\nupgrade: h2c\r\nupgrade: websocket\r\n",
        "upgrade: websocket\r\n",
        "connection: upgrade\r\nupgrade: websocket\r\ntransfer-encoding: chunked\r\n",
    ] {
        let server = refusing();
        let mut client = Peered::new(&server).await;
        let body = if offer.contains("chunked") { "0\r\n\r\n" } else { "" };
        client.say(&format!("GET / HTTP/1.1\r\nhost: x\r\n{offer}\r\n{body}")).await;
        client.until("\r\n\r\n").await;
        let seen = client.until("\r\n\r\n").await;
        assert!(!seen.contains("upgrade") && !seen.contains("http2-settings"), "{offer}: {seen}");
    }
}

#[tokio::test]
async fn a_server_that_switches_unasked_is_a_bad_gateway() {
    let server = Server::saying(vec![ACCEPT.into()]);
    let mut client = Peered::new(&server).await;
    client.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(client.until("\r\n\r\n").await.starts_with("HTTP/1.1 502 "));
}

#[tokio::test]
async fn a_client_that_waits_for_100_hears_it_when_the_server_says_so() {
    let server = Server::start(|mut stream, index| async move {
        let head = head(&mut stream).await.unwrap();
        assert!(head.contains("\r\nexpect: 100-continue\r\n"), "{head}");
        if index == 0 {
            say(&mut stream, "HTTP/1.1 100 Continue\r\n\r\n").await;
            let body = exactly(&mut stream, 5).await;
            say(&mut stream, &format!("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{body}")).await;
        } else {
            say(&mut stream, "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
        }
        std::future::pending::<()>().await;
    });
    let request = "PUT / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    let mut client = Peered::new(&server).await;
    client.say(request).await;
    assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.say("hello").await;
    client.until("\r\n\r\n").await;
    client.until("hello").await;
    let mut client = Peered::new(&server).await;
    client.say(request).await;
    let refused = client.until("\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{refused}");
}
