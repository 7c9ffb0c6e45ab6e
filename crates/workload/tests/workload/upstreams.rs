//! Servers that run already, proxied to.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use workload::{Failure, Workload};

use crate::support::{ask, bundle, engine, get};

/// A server that reads a request head and says this, on a port of its own.
fn saying(text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut seen = [0; 4096];
            let n = stream.read(&mut seen).unwrap_or(0);
            let head = String::from_utf8_lossy(&seen[..n]).replace("\r\n", "|");
            let text = text.replace("LENGTH", &head.len().to_string()).replace("HEAD", &head);
            let _ = stream.write_all(text.as_bytes());
            // What it leaves open is read until the other side ends it.
            if text.is_empty() {
                let _ = stream.read(&mut seen);
            }
        }
    });
    url
}

fn upstream(url: &str, more: &str) -> Arc<Workload> {
    let pack = format!("  - {{pack_id: web, kind: upstream, url: '{url}', {more}}}\n");
    bundle(&pack, &[]).load(&engine()).unwrap()
}

#[test]
fn only_clear_http_1_is_passed_on_as_it_stands() {
    for (url, more, passes) in [
        ("http://a.test", "public_path: /", true),
        ("unix:/run/a.sock", "protocol: http1", true),
        ("http://a.test", "protocol: h2c", false),
        ("https://a.test", "public_path: /", false),
        ("https://a.test", "protocol: http1", false),
    ] {
        let workload = upstream(url, more);
        assert_eq!(workload.relay("/").is_some(), passes, "{url} {more}");
        assert_eq!(workload.has_servers(), passes, "{url} {more}");
    }
}

const SEEN: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: LENGTH\r\n\r\nHEAD";

#[tokio::test]
async fn it_is_asked_below_its_base_for_the_host_that_the_client_named() {
    let url = format!("{}/base", saying(SEEN));
    let workload = upstream(&url, "public_path: /shop");
    let request = Request::get("/shop/a?b=c")
        .header("host", "shop.test")
        .header("connection", "x-private")
        .header("x-private", "1")
        .body(Full::<Bytes>::default())
        .unwrap();
    let answer = ask(&workload, request).await;
    let expected = "GET /base/a?b=c HTTP/1.1|host: shop.test|x-forwarded-prefix: /shop||";
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, expected));
    assert_eq!(answer.header("connection"), "");
    let missing = ask(&workload, get("/other")).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_goes_wrong_is_a_502_or_a_504() {
    let down = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let both = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n";
    for (url, failure, status) in [
        (format!("http://{down}"), Failure::Failed, 502),
        ("unix:/nowhere/at/all.sock".to_owned(), Failure::Failed, 502),
        (saying(both), Failure::Failed, 502),
        (saying("HTTP/1.1 101 Switching Protocols\r\n\r\n"), Failure::Failed, 502),
        (saying(""), Failure::TooSlow, 504),
    ] {
        let workload = upstream(&url, "limits: {timeout_ms: 200}");
        let response = workload.respond(get("/")).await;
        assert_eq!(response.extensions().get(), Some(&failure), "{url}");
        assert_eq!(response.status().as_u16(), status, "{url}");
    }
}
