//! Requests and their answers.

use std::io::{Read as _, Write as _};

use crate::client::{connect, finish, hang_up, one, rest, serve, whole};

#[test]
fn a_connection_is_kept_and_requests_may_be_sent_ahead() {
    let running = serve(|_| {});
    let mut stream = connect(running.local_addr());
    for path in ["/a", "/b"] {
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        assert_eq!(one(&mut stream), ("HTTP/1.1 200 OK".into(), path.into()));
    }
    let ahead: String = (0..50).map(|i| format!("GET /{i} HTTP/1.1\r\nhost: x\r\n\r\n")).collect();
    stream.write_all(ahead.as_bytes()).unwrap();
    for i in 0..50 {
        assert_eq!(one(&mut stream).1, format!("/{i}"));
    }
    hang_up(&stream);
    finish(running);
}

#[test]
fn bodies_are_read_however_they_are_split() {
    let running = serve(|_| {});
    let mut stream = connect(running.local_addr());
    let chunked = b"POST /size HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\na;x=y\r\n0123456789\r\n0\r\n\r\n";
    let counted = b"POST /size HTTP/1.1\r\nhost: x\r\ncontent-length: 13\r\n\r\nabc0123456789";
    for request in [&chunked[..], &counted[..]] {
        stream.write_all(request).unwrap();
        assert_eq!(one(&mut stream).1, "13");
        for byte in request {
            stream.write_all(&[*byte]).unwrap();
        }
        assert_eq!(one(&mut stream).1, "13");
    }
    hang_up(&stream);
    finish(running);
}

#[test]
fn a_large_body_is_echoed_while_it_is_sent() {
    const SIZE: usize = 32 << 20;
    let running = serve(|_| {});
    let mut stream = connect(running.local_addr());
    write!(
        stream,
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {SIZE}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut sender = stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        let block: Vec<u8> = (0..=255).cycle().take(64 * 1024).collect();
        for _ in 0..SIZE / block.len() {
            sender.write_all(&block).unwrap();
        }
    });
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    sending.join().unwrap();
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let body = &answer[head..];
    assert_eq!(body.len(), SIZE);
    assert!(body.iter().zip((0..=255).cycle()).all(|(a, b): (&u8, u8)| *a == b));
    finish(running);
}

#[test]
fn an_unknown_length_is_chunked_for_some_and_ends_with_the_connection_for_others() {
    let running = serve(|_| {});
    let new = whole(
        running.local_addr(),
        b"GET /stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    assert!(new.contains("transfer-encoding: chunked"), "{new}");
    assert!(new.ends_with("5\r\npiece\r\n5\r\npiece\r\n5\r\npiece\r\n0\r\n\r\n"), "{new}");
    let old = whole(running.local_addr(), b"GET /stream HTTP/1.0\r\n\r\n");
    assert!(old.contains("connection: close") && old.ends_with("\r\n\r\npiecepiecepiece"), "{old}");
    let head =
        whole(running.local_addr(), b"HEAD /size HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(head.contains("content-length: 1\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    finish(running);
}

#[test]
fn continue_is_said_when_the_body_is_asked_for_and_not_before() {
    let running = serve(|_| {});
    let mut stream = connect(running.local_addr());
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n"
        )
    };
    stream.write_all(head("/size").as_bytes()).unwrap();
    assert_eq!(one(&mut stream).0, "HTTP/1.1 100 Continue");
    stream.write_all(b"ok").unwrap();
    assert_eq!(one(&mut stream).1, "2");
    stream.write_all(head("/ignore").as_bytes()).unwrap();
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    finish(running);
}

#[test]
fn an_unread_body_does_not_spoil_the_next_request() {
    let running = serve(|_| {});
    let mut stream = connect(running.local_addr());
    stream.write_all(b"POST /ignore HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n").unwrap();
    assert_eq!(one(&mut stream).1, "/ignore");
    stream.write_all(b"12345GET /next HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(one(&mut stream).1, "/next");
    hang_up(&stream);
    finish(running);
}

#[test]
fn a_service_that_panics_hurts_only_its_request() {
    let running = serve(|settings| settings.threads = 1);
    let answer = whole(running.local_addr(), b"GET /panic HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    let answer =
        whole(running.local_addr(), b"GET /after HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(answer.ends_with("/after"), "{answer}");
    finish(running);
}
