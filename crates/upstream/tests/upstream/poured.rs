//! Large bodies, which go from socket to socket inside the kernel: whole, or visibly not.
#![cfg(target_os = "linux")]

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use ingress::{Peer, Pipe, Poured, Running, Service};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use upstream::{Client, Endpoint, Incoming};

use crate::server::{PATIENCE, Server, client, head};

/// More than the sockets between a server and its client hold together, so that they fill where the
/// client is slow.
const LARGE: usize = 16 << 20;
/// So much that it never ends.
const HUGE: usize = 64 << 20;

/// How many bytes have been in pipes. Every test is a process.
static POURED: AtomicUsize = AtomicUsize::new(0);

struct Proxy {
    client: Client,
    endpoint: Arc<Endpoint>,
}

impl Service for Proxy {
    type Body = Incoming;
    type Relay = ingress::NoRelay<Incoming>;

    fn poll_pour(body: Pin<&mut Incoming>, cx: &mut Context<'_>, pipe: &mut Pipe) -> Poll<Poured> {
        let poured = body.get_mut().poll_pour(cx, pipe);
        if let Poll::Ready(Some(Ok(n))) = &poured {
            POURED.fetch_add(*n, Ordering::SeqCst);
        }
        poured
    }

    async fn call(&self, request: Request<ingress::Body>, _: &Peer) -> Response<Incoming> {
        self.client.send(&self.endpoint, request).await.unwrap()
    }
}

fn proxy(endpoint: &Arc<Endpoint>) -> Running {
    let proxy = Proxy { client: client(), endpoint: endpoint.clone() };
    let patience = Duration::from_millis(300);
    let settings =
        ingress::Settings { threads: 1, write_timeout: patience, ..ingress::Settings::default() };
    let server = ingress::Server::bind("127.0.0.1:0".parse().unwrap(), settings).unwrap();
    server.start(&Arc::new(proxy))
}

/// Bytes that differ from their neighbours, wherever they are cut.
fn content(length: usize) -> Vec<u8> {
    (0..length as u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

fn announced(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n")
}

/// Answers each request with as many bytes as its path says.
async fn serve(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    while let Some(head) = head(stream).await {
        let length = head.split([' ', '/']).nth(2).unwrap().parse().unwrap();
        let answer = [announced(length).as_bytes(), &content(length)].concat();
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

async fn connected(running: &Running) -> TcpStream {
    TcpStream::connect(running.local_addr()).await.unwrap()
}

/// The body of the answer to a request for so many bytes, read as slowly as `pause` makes it.
async fn body(stream: &mut TcpStream, length: usize, pause: bool) -> Vec<u8> {
    let request = format!("GET /{length} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = head(stream).await.unwrap();
    assert!(head.contains(&format!("\r\ncontent-length: {length}\r\n")), "{head}");
    let (mut body, mut piece) = (Vec::new(), vec![0; if pause { 4_000 } else { 1 << 20 }]);
    while body.len() < length {
        let most = piece.len().min(length - body.len());
        let read = stream.read(&mut piece[..most]);
        let n = tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        assert!(n > 0, "{} of {length}", body.len());
        body.extend_from_slice(&piece[..n]);
        tokio::task::yield_now().await;
    }
    body
}

/// Each size around those where something changes, on one connection, which is the proxy's only one
/// to the server too.
async fn all_sizes(running: &Running) {
    let mut stream = connected(running).await;
    for (i, middle) in [16 << 10, 128 << 10, 256 << 10, 1 << 20, LARGE].iter().enumerate() {
        for length in middle - 1..=middle + 1 {
            let before = POURED.load(Ordering::SeqCst);
            let body = body(&mut stream, length, i % 2 == 0).await;
            assert!(body == content(length), "{length}");
            let poured = POURED.load(Ordering::SeqCst) - before;
            // What came with the head does not go through it, nor does what is little.
            let expected = match length {
                ..150_000 => 0..=0,
                150_000..300_000 => 0..=length,
                _ => length / 2..=length,
            };
            assert!(expected.contains(&poured), "{poured} of {length}");
        }
    }
}

#[tokio::test]
async fn from_a_unix_socket() {
    let server = Server::start(|mut stream, _| async move { serve(&mut stream).await });
    all_sizes(&proxy(&server.endpoint)).await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn from_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Arc::new(Endpoint::Address(listener.local_addr().unwrap()));
    let accepted = Arc::<AtomicUsize>::default();
    let count = accepted.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move { serve(&mut stream).await });
        }
    });
    all_sizes(&proxy(&endpoint)).await;
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

/// What a client reads of `announced` bytes of which the server sends `sent`; and whether the server
/// then closes, or says nothing more.
async fn cut(sent: usize, closes: bool) -> usize {
    let server = Server::start(move |mut stream, _| async move {
        head(&mut stream).await;
        let answer = [announced(HUGE).as_bytes(), &content(sent)].concat();
        stream.write_all(&answer).await.unwrap();
        if !closes {
            std::future::pending::<()>().await;
        }
    });
    let running = proxy(&server.endpoint);
    let mut stream = connected(&running).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    head(&mut stream).await.unwrap();
    let mut read = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut read)).await.unwrap();
    assert!(end.is_err() || read.len() < HUGE);
    assert!(read == content(read.len()));
    read.len()
}

#[tokio::test]
async fn a_body_that_breaks_off_is_seen_to() {
    assert!(cut(3 << 20, true).await <= 3 << 20);
}

#[tokio::test]
async fn silence_ends_it() {
    assert!(cut(3 << 20, false).await <= 3 << 20);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go_and_so_is_the_server() {
    let (over, mut is_over) = tokio::sync::mpsc::channel(1);
    let server = Server::start(move |mut stream, _| {
        let over = over.clone();
        async move {
            head(&mut stream).await;
            stream.write_all(announced(HUGE).as_bytes()).await.unwrap();
            let piece = content(1 << 20);
            while stream.write_all(&piece).await.is_ok() {}
            over.send(()).await.unwrap();
        }
    });
    let running = proxy(&server.endpoint);
    let mut stream = connected(&running).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::timeout(PATIENCE, is_over.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_lies_behind_a_body_is_nobodys_answer() {
    let server = Server::start(|mut stream, _| async move {
        head(&mut stream).await;
        let extra = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        let answer = [announced(1 << 20).as_bytes(), &content(1 << 20), extra].concat();
        stream.write_all(&answer).await.unwrap();
        std::future::pending::<()>().await;
    });
    let running = proxy(&server.endpoint);
    let mut stream = connected(&running).await;
    for _ in 0..2 {
        assert!(body(&mut stream, 1 << 20, false).await == content(1 << 20));
    }
    assert_eq!(server.connections(), 2);
}
