//! Slow and stalled clients, and services that lose interest.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use http::{Request, Response};
use ingress::{Body, Peer, Service};

use crate::client::{
    Answer, LARGE, connect, finish, hang_up, one, rest, serve, serve_telling, serve_with, text,
    whole,
};

#[test]
fn a_client_that_takes_nothing_is_cut() {
    let running = serve(|settings| settings.write_timeout = Duration::from_millis(50));
    let mut stream = connect(running.local_addr());
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    // It is there once the first byte of the answer is, and reads nothing after that.
    stream.read_exact(&mut [0]).unwrap();
    while running.connections() > 0 {
        std::thread::yield_now();
    }
    finish(running);
}

#[test]
fn a_slow_client_that_keeps_taking_a_large_piece_is_not_cut() {
    let running = serve(|settings| settings.write_timeout = Duration::from_millis(400));
    let address = running.local_addr();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let got = runtime.block_on(async {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = b"GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        // Twelve steps of this pace are three times the patience of the server.
        let mut pace = tokio::time::interval(Duration::from_millis(100));
        let mut answer = Vec::new();
        for _ in 0..12 {
            pace.tick().await;
            let step = (LARGE / 12) as u64;
            (&mut stream).take(step).read_to_end(&mut answer).await.unwrap();
        }
        stream.read_to_end(&mut answer).await.unwrap();
        answer.len()
    });
    assert!(got > LARGE, "{got} bytes");
    finish(running);
}

#[test]
fn a_service_that_no_longer_wants_the_body_is_not_timed_out_for_it() {
    let (running, told) = serve_telling(|settings| {
        settings.body_timeout = Duration::from_millis(10);
        settings.head_timeout = Duration::from_millis(100);
    });
    let mut stream = connect(running.local_addr());
    stream.write_all(b"POST /give-up HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n").unwrap();
    told.recv().unwrap();
    // A silent connection is left after 100 ms: the time for the body is over by then.
    assert_eq!(whole(running.local_addr(), b""), "");
    let released = whole(
        running.local_addr(),
        b"GET /release HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    assert!(released.ends_with("done"), "{released}");
    assert_eq!(one(&mut stream), ("HTTP/1.1 200 OK".into(), "pending: true".into()));
    hang_up(&stream);
    finish(running);
}

#[test]
fn continue_is_said_before_an_answer_that_reads_the_body() {
    let running = serve(|_| {});
    let mut stream = connect(running.local_addr());
    let head = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(one(&mut stream).0, "HTTP/1.1 100 Continue");
    stream.write_all(b"hello").unwrap();
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nhello"), "{answer}");
    finish(running);
}

#[test]
fn an_interim_status_is_not_passed_off_as_an_answer() {
    let running = serve(|_| {});
    for status in ["100", "101", "199"] {
        let request = format!("GET /status/{status} HTTP/1.1\r\nhost: x\r\n\r\n");
        let answer = whole(running.local_addr(), request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 500"), "{status}: {answer}");
    }
    finish(running);
}

#[test]
fn a_failed_head_request_gets_no_body() {
    let running = serve(|_| {});
    let answer = whole(running.local_addr(), b"HEAD /panic HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 500") && answer.ends_with("\r\n\r\n"), "{answer}");
    finish(running);
}

/// Panics before there is a future.
struct Sudden;

impl Service for Sudden {
    type Body = Answer;
    type Relay = ingress::NoRelay<Self::Body>;

    fn call(
        &self,
        request: Request<Body>,
        _: &Peer,
    ) -> impl Future<Output = Response<Answer>> + Send {
        assert_ne!(request.uri().path(), "/panic", "a service that panics, as the test asked");
        std::future::ready(text("calm"))
    }
}

#[test]
fn a_service_that_panics_before_its_future_is_answered_for_too() {
    let running = serve_with(|_| {}, Sudden);
    let answer = whole(running.local_addr(), b"GET /panic HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    finish(running);
}

#[test]
fn a_body_that_panics_hurts_only_its_connection() {
    let running = serve(|settings| settings.threads = 1);
    let answer = whole(running.local_addr(), b"GET /panic-late HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(!answer.ends_with("0\r\n\r\n"), "it looks complete: {answer}");
    let after = b"GET /after HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert!(whole(running.local_addr(), after).ends_with("/after"));
    finish(running);
}

#[test]
fn trailers_that_would_frame_an_answer_are_left_out() {
    let running = serve(|_| {});
    let request = b"GET /trailers HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = whole(running.local_addr(), request);
    assert!(answer.ends_with("\r\n\r\n0\r\nx-sum: 1\r\n\r\n"), "{answer}");
    finish(running);
}

#[test]
fn half_a_head_does_not_outlast_its_time_in_a_drain() {
    let running = serve(|settings| settings.head_timeout = Duration::from_millis(100));
    let mut stream = connect(running.local_addr());
    stream.write_all(b"GET / HTTP/1.1\r\nho").unwrap();
    while running.connections() == 0 {
        std::thread::yield_now();
    }
    let draining = std::thread::spawn(move || running.drain(Duration::from_secs(20)));
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    drop(stream);
    assert_eq!(draining.join().unwrap().cut, 0);
}

#[test]
fn a_head_that_trickles_in_does_not_win_time() {
    let running = serve(|settings| {
        settings.head_timeout = Duration::from_millis(100);
        // So that it is the time that is over, and not the room.
        (settings.max_head_bytes, settings.max_target_bytes) = (usize::MAX, usize::MAX);
    });
    let mut stream = connect(running.local_addr());
    let mut reader = stream.try_clone().unwrap();
    let reading = std::thread::spawn(move || rest(&mut reader));
    stream.write_all(b"GET / HTTP/1.1\r\nx: ").unwrap();
    // One byte whenever this thread gets to it, until the server has had enough.
    while !reading.is_finished() && stream.write_all(b"y").is_ok() {
        std::thread::yield_now();
    }
    let answer = reading.join().unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    drop(stream);
    finish(running);
}
