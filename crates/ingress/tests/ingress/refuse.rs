//! What two parsers could read differently, and what is too much, is refused; the refusal arrives.

use std::io::Write as _;
use std::time::Duration;

use crate::client::{connect, finish, rest, serve, whole};

#[test]
fn ambiguous_requests_are_refused_and_the_connection_closes() {
    let running = serve(|settings| settings.max_body_bytes = 10);
    let rows: &[(&[u8], u16)] = &[
        (b"GET / HTTP/1.1\nhost: x\n\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\n folded: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost : x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 501),
        (b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        (b"POST /size HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0x3\r\n", 400),
        (b"POST /size HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nb\r\n", 413),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\n", 413),
        (b"GET http://other/ HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"GET /%2f HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"GET /a#b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n", 501),
        (b"GET / HTTP/2.0\r\nhost: x\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01", 400),
    ];
    for (request, status) in rows {
        let answer = whole(running.local_addr(), request);
        let text = String::from_utf8_lossy(request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{text}: {answer}");
        assert!(answer.contains("connection: close"), "{text}: {answer}");
    }
    finish(running);
}

#[test]
fn too_much_is_refused() {
    let running = serve(|_| {});
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(9_000));
    assert!(whole(running.local_addr(), long.as_bytes()).starts_with("HTTP/1.1 414"));
    let wide = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(40_000));
    assert!(whole(running.local_addr(), wide.as_bytes()).starts_with("HTTP/1.1 431"));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "x: y\r\n".repeat(101));
    assert!(whole(running.local_addr(), many.as_bytes()).starts_with("HTTP/1.1 431"));
    finish(running);
}

#[test]
fn who_is_slow_is_told_or_left() {
    let running = serve(|settings| {
        settings.head_timeout = Duration::from_millis(50);
        settings.body_timeout = Duration::from_millis(50);
        settings.idle_timeout = Duration::from_millis(50);
    });
    let half = whole(running.local_addr(), b"GET / HTTP/1.1\r\nho");
    assert!(half.starts_with("HTTP/1.1 408"), "{half}");
    assert_eq!(whole(running.local_addr(), b""), "", "silence is left without a word");
    let body = whole(
        running.local_addr(),
        b"POST /size HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx",
    );
    assert!(body.starts_with("HTTP/1.1 408"), "{body}");
    let idle = whole(running.local_addr(), b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(idle.ends_with("/x"), "{idle}");
    finish(running);
}

#[test]
fn one_connection_too_many_is_told_so() {
    let running = serve(|settings| settings.max_connections = 1);
    let mut first = connect(running.local_addr());
    first.write_all(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    crate::client::one(&mut first);
    let second = whole(running.local_addr(), b"");
    assert!(second.starts_with("HTTP/1.1 503"), "{second}");
    first.write_all(b"GET /b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    assert!(rest(&mut first).ends_with("/b"));
    finish(running);
}
