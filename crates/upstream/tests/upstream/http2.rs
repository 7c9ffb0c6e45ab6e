//! A client of HTTP/2 in front of a server of HTTP/1.1: streams, trailers both ways, and their ends.

use std::future::poll_fn;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, HeaderValue, Request};
use tokio::net::TcpStream;

use crate::proxy::proxy;
use crate::server::{PATIENCE, Server, exactly, head, say};

async fn open(server: &Server) -> (SendRequest<Bytes>, ingress::Running) {
    let running = proxy(server);
    let stream = TcpStream::connect(running.local_addr()).await.unwrap();
    let (requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    (requests, running)
}

#[tokio::test]
async fn trailers_go_both_ways_as_a_call_of_grpc_needs_them() {
    const BODY: &str = "transfer-encoding: chunked\r\n\r\n";
    const SENT: &str = "5\r\nhello\r\n0\r\nx-sum: 7\r\n\r\n";
    let server = Server::start(|mut stream, _| async move {
        let head = head(&mut stream).await.unwrap();
        assert!(head.starts_with("POST /pkg.Service/Call HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\nconnection: te\r\nte: trailers\r\n"), "{head}");
        assert!(head.contains("\r\nhost: a.test\r\n") && head.ends_with(BODY), "{head}");
        assert_eq!(exactly(&mut stream, SENT.len()).await, SENT);
        say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\n").await;
        say(&mut stream, "transfer-encoding: chunked\r\n\r\n3\r\nyes\r\n").await;
        say(&mut stream, "0\r\ngrpc-status: 0\r\n\r\n").await;
    });
    let calling = async {
        let (mut requests, _running) = open(&server).await;
        let request = Request::post("http://a.test/pkg.Service/Call").header("te", "trailers");
        poll_fn(|cx| requests.poll_ready(cx)).await.unwrap();
        let (answer, mut stream) = requests.send_request(request.body(()).unwrap(), false).unwrap();
        stream.send_data(Bytes::from_static(b"hello"), false).unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("7"));
        stream.send_trailers(trailers).unwrap();
        let response = answer.await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/grpc");
        assert!(!response.headers().contains_key("transfer-encoding"));
        let mut body = response.into_body();
        assert_eq!(body.data().await.unwrap().unwrap(), "yes");
        assert!(body.data().await.is_none());
        assert_eq!(body.trailers().await.unwrap().unwrap()["grpc-status"], "0");
    };
    tokio::time::timeout(PATIENCE, calling).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_whole_one() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf";
    let server = Server::saying(vec![half.into()]);
    let calling = async {
        let (mut requests, _running) = open(&server).await;
        poll_fn(|cx| requests.poll_ready(cx)).await.unwrap();
        let request = Request::get("http://a.test/").body(()).unwrap();
        let (answer, _) = requests.send_request(request, true).unwrap();
        let broken = match answer.await {
            Ok(response) => {
                let mut body = response.into_body();
                loop {
                    match body.data().await {
                        Some(Ok(_)) => {}
                        Some(Err(error)) => break Some(error),
                        None => break None,
                    }
                }
            }
            Err(error) => Some(error),
        };
        let reason = broken.and_then(|error| error.reason());
        assert_eq!(reason, Some(h2::Reason::INTERNAL_ERROR));
    };
    tokio::time::timeout(PATIENCE, calling).await.unwrap();
}
