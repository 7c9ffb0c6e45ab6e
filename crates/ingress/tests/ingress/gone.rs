//! Clients that go away, and clients that only end their side.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use crate::client::{Event, LARGE, connect, finish, one, rest, serve, serve_telling};

const HOLD: &[u8] = b"GET /hold HTTP/1.1\r\nhost: x\r\n\r\n";
const STALL: &[u8] = b"GET /stall HTTP/1.1\r\nhost: x\r\n\r\n";
const HALF_A_BODY: &[u8] = b"POST /hold HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf";
const SENT_AHEAD: &[u8] = b"GET /hold HTTP/1.1\r\nhost: x\r\n\r\nGET /next HTTP/1.1\r\n";

const LONG: Duration = Duration::from_secs(3_600);

/// The next event; the time is only there to fail instead of hanging.
fn next(told: &Receiver<Event>) -> Event {
    told.recv_timeout(Duration::from_secs(20)).unwrap()
}

/// Closes with a reset, as the system does for a process that dies with unread bytes.
fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

#[test]
fn a_reset_drops_the_service_at_once() {
    let (running, told) = serve_telling(|settings| settings.half_close_timeout = LONG);
    for request in [HOLD, STALL, HALF_A_BODY, SENT_AHEAD] {
        let mut stream = connect(running.local_addr());
        stream.write_all(request).unwrap();
        assert_eq!(next(&told), Event::Begun);
        reset(stream);
        assert_eq!(next(&told), Event::Dropped, "{}", String::from_utf8_lossy(request));
    }
    finish(running);
}

#[test]
fn a_client_that_closed_its_socket_is_given_up_after_a_short_time() {
    let short = Duration::from_millis(50);
    let (running, told) = serve_telling(|settings| settings.half_close_timeout = short);
    for request in [HOLD, STALL, HALF_A_BODY, SENT_AHEAD] {
        let mut stream = connect(running.local_addr());
        stream.write_all(request).unwrap();
        assert_eq!(next(&told), Event::Begun);
        drop(stream);
        assert_eq!(next(&told), Event::Dropped, "{}", String::from_utf8_lossy(request));
    }
    finish(running);
}

#[test]
fn a_client_that_only_ended_its_side_gets_its_answers() {
    let (running, told) = serve_telling(|settings| {
        settings.threads = 1;
        settings.half_close_timeout = LONG;
    });
    let mut half = connect(running.local_addr());
    half.write_all(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\nGET /next HTTP/1.1\r\nhost: x\r\n\r\n")
        .unwrap();
    half.shutdown(Shutdown::Write).unwrap();
    assert_eq!(next(&told), Event::Begun);
    let mut other = connect(running.local_addr());
    // The one thread of the server has seen the end before it has answered twice.
    for path in ["/a", "/b", "/release"] {
        write!(other, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        assert_eq!(one(&mut other).0, "HTTP/1.1 200 OK");
    }
    assert_eq!(one(&mut half).1, "released");
    let last = rest(&mut half);
    assert!(last.contains("\r\n\r\n/next"), "{last}");
    drop(other);
    finish(running);
}

#[test]
fn a_client_that_ended_its_side_is_told_that_the_connection_closes() {
    let (running, told) = serve_telling(|settings| settings.threads = 1);
    let mut half = connect(running.local_addr());
    half.write_all(b"GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    half.shutdown(Shutdown::Write).unwrap();
    assert_eq!(next(&told), Event::Begun);
    let mut other = connect(running.local_addr());
    for path in ["/a", "/b", "/release"] {
        write!(other, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        one(&mut other);
    }
    let answer = rest(&mut half);
    assert!(answer.contains("connection: close\r\n") && answer.ends_with("released"), "{answer}");
    drop(other);
    finish(running);
}

#[test]
fn a_long_answer_outlasts_the_time_of_a_half_close() {
    let running = serve(|settings| settings.half_close_timeout = Duration::from_millis(1));
    let mut stream = connect(running.local_addr());
    stream.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.len() > LARGE, "{} bytes", answer.len());
    finish(running);
}
