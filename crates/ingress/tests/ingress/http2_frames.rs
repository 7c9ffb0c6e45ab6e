//! HTTP/2 frame by frame, as no library would send it: what breaks a rule ends its stream or its
//! connection, and what costs the sender nothing is not paid for here.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::client::{Event, connect, finish, serve, whole};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const PROTOCOL_ERROR: u32 = 1;
const FLOW_CONTROL_ERROR: u32 = 3;
const COMPRESSION_ERROR: u32 = 9;
const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Header lines, each literally and not indexed (RFC 7541 §6.2.2); all shorter than 127 bytes.
fn block(lines: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in lines {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}

const GET: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/x"), (":authority", "a.test")];

pub(crate) fn request(stream: u32, flags: u8, more: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, &block(&[GET, more].concat()))
}

/// A connection that has said hello.
pub(crate) fn open(address: std::net::SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).unwrap();
    stream
}

/// What a frame means to these tests.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Head(u32),
    Reset(u32, u32),
    GoAway(u32),
    Other(u8),
    /// The end of the connection.
    End,
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

fn next(stream: &mut TcpStream) -> Came {
    let mut head = [0; 9];
    if stream.read_exact(&mut head).is_err() {
        return Came::End;
    }
    let length = number(&[0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    if stream.read_exact(&mut payload).is_err() {
        return Came::End;
    }
    let id = number(&head[5..]);
    match head[3] {
        HEADERS => Came::Head(id),
        RST_STREAM => Came::Reset(id, number(&payload)),
        GOAWAY => Came::GoAway(number(&payload[4..])),
        kind => Came::Other(kind),
    }
}

/// The first frame that says how it went.
pub(crate) fn outcome(stream: &mut TcpStream) -> Came {
    loop {
        match next(stream) {
            Came::Other(_) => {}
            came => return came,
        }
    }
}

/// The last code of a `GOAWAY` before the end.
fn farewell(stream: &mut TcpStream) -> Option<u32> {
    let mut code = None;
    loop {
        match next(stream) {
            Came::GoAway(why) => code = Some(why),
            Came::End => return code,
            _ => {}
        }
    }
}

#[test]
fn a_request_by_hand_is_answered() {
    let running = serve(|_| {});
    // In one piece, and byte by byte, so that the preface comes in two reads as well.
    let hello = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &request(1, END_STREAM, &[])].concat();
    let mut stream = connect(running.local_addr());
    stream.write_all(&hello).unwrap();
    assert_eq!(outcome(&mut stream), Came::Head(1));
    let mut stream = connect(running.local_addr());
    for byte in &hello {
        stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(outcome(&mut stream), Came::Head(1));
    finish(running);
}

#[test]
fn what_only_looks_like_the_preface_is_not_answered_in_frames() {
    let running = serve(|_| {});
    let address = running.local_addr();
    // A preface that goes on otherwise, one with a header, and one behind a request.
    assert!(!whole(address, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\nmore").contains("HTTP/1.1 200"));
    assert!(whole(address, b"PRI * HTTP/2.0\r\nhost: x\r\n\r\n").starts_with("HTTP/1.1 505"));
    let behind = [b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n", PREFACE].concat();
    let answer = whole(address, &behind);
    assert!(answer.contains("/aHTTP/1.1 505"), "{answer}");
    finish(running);
}

#[test]
fn malformed_requests_end_their_stream() {
    let running = serve(|_| {});
    let lines: &[&[(&str, &str)]] = &[
        &[("Upper", "case")],
        &[("connection", "close")],
        &[("transfer-encoding", "chunked")],
        &[("upgrade", "websocket")],
        &[("keep-alive", "1")],
        &[("proxy-connection", "close")],
        &[("te", "gzip")],
        &[("x", "a\rb")],
        &[("x", "a\0b")],
        &[("x y", "z")],
        &[("", "z")],
        &[(":status", "200")],
        &[(":unknown", "1")],
        &[(":method", "POST")],
        &[(":path", "/again")],
        &[("x", "y"), (":authority", "a.test")],
        &[("content-length", "1")],
        &[("content-length", "x")],
    ];
    for more in lines {
        let mut stream = open(running.local_addr());
        stream.write_all(&request(1, END_STREAM, more)).unwrap();
        let came = outcome(&mut stream);
        let ended = matches!(came, Came::Reset(1, PROTOCOL_ERROR) | Came::GoAway(PROTOCOL_ERROR));
        assert!(ended, "{more:?}: {came:?}");
    }
    let without: &[&[(&str, &str)]] = &[
        &GET[1..],
        &[GET[0], GET[2], GET[3]],
        &[GET[0], GET[1], GET[3]],
        &[GET[0], GET[1], (":path", ""), GET[3]],
    ];
    for lines in without {
        let mut stream = open(running.local_addr());
        stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(lines))).unwrap();
        assert_eq!(outcome(&mut stream), Came::Reset(1, PROTOCOL_ERROR), "{lines:?}");
    }
    finish(running);
}

#[test]
fn a_body_of_another_length_than_announced_never_is_whole() {
    let running = serve(|_| {});
    let echo: &[(&str, &str)] = &[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/echo"),
        (":authority", "a.test"),
        ("content-length", "3"),
    ];
    for data in [&b"ab"[..], b"abcd"] {
        let mut stream = open(running.local_addr());
        stream.write_all(&frame(HEADERS, END_HEADERS, 1, &block(echo))).unwrap();
        stream.write_all(&frame(DATA, END_STREAM, 1, data)).unwrap();
        let mut came = outcome(&mut stream);
        if came == Came::Head(1) {
            came = outcome(&mut stream);
        }
        assert!(matches!(came, Came::Reset(1, _)), "{came:?}");
    }
    finish(running);
}

#[test]
fn connection_errors_are_told_and_end_it() {
    let running = serve(|_| {});
    let too_large = vec![0; 20_000];
    let rows: &[(&str, Vec<u8>, &[u32])] = &[
        ("data for nobody", frame(DATA, 0, 1, b"x"), &[PROTOCOL_ERROR]),
        ("an even stream", request(2, END_STREAM, &[]), &[PROTOCOL_ERROR]),
        ("a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, &[]), &[PROTOCOL_ERROR]),
        (
            "headers that cannot be expanded",
            frame(HEADERS, END_HEADERS, 1, &[0xff; 8]),
            &[COMPRESSION_ERROR, PROTOCOL_ERROR],
        ),
        (
            "a window beyond all bounds",
            frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            &[FLOW_CONTROL_ERROR],
        ),
        ("a frame that is too large", frame(DATA, 0, 1, &too_large), &[6]),
    ];
    for (what, bytes, codes) in rows {
        let mut stream = open(running.local_addr());
        stream.write_all(bytes).unwrap();
        let code = farewell(&mut stream);
        assert!(code.is_some_and(|code| codes.contains(&code)), "{what}: {code:?}");
    }
    finish(running);
}

#[test]
fn header_floods_are_refused() {
    let running = serve(|_| {});
    // One block that is too large, in frames that are not.
    let line = block(&[("x-some-header", &"y".repeat(120))]);
    let lines = line.repeat(100);
    let mut stream = open(running.local_addr());
    let mut flood = frame(HEADERS, END_STREAM, 1, &block(GET));
    for _ in 0..3 {
        flood.extend(frame(CONTINUATION, 0, 1, &lines));
    }
    flood.extend(frame(CONTINUATION, END_HEADERS, 1, &[]));
    stream.write_all(&flood).unwrap();
    let came = outcome(&mut stream);
    assert!(matches!(came, Came::Head(1) | Came::GoAway(ENHANCE_YOUR_CALM)), "{came:?}");
    // One that never ends.
    let mut stream = open(running.local_addr());
    stream.write_all(&frame(HEADERS, END_STREAM, 1, &block(GET))).unwrap();
    let empty = frame(CONTINUATION, 0, 1, &[]).repeat(1_000);
    let mut sent = 0;
    while stream.write_all(&empty).is_ok() {
        sent += 1;
        assert!(sent < 10_000, "it is read for ever");
    }
    finish(running);
}

#[test]
fn requests_that_are_taken_back_at_once_end_the_connection() {
    let running = serve(|_| {});
    let mut stream = open(running.local_addr());
    let mut rapid = Vec::new();
    for id in (1..).step_by(2).take(1_000) {
        rapid.extend(request(id, END_STREAM, &[]));
        rapid.extend(frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
    }
    // The server may have hung up before all of it is sent.
    let _ = stream.write_all(&rapid);
    assert_eq!(farewell(&mut stream), Some(ENHANCE_YOUR_CALM));
    finish(running);
}

#[test]
fn requests_that_are_taken_back_once_they_run_end_the_connection() {
    let (running, told) = crate::client::serve_telling(|settings| settings.max_streams = 10);
    let mut stream = open(running.local_addr());
    let hold: &[(&str, &str)] = &[GET[0], GET[1], (":path", "/hold"), GET[3]];
    let mut taken_back = 0;
    for id in (1..).step_by(2).take(100) {
        let request = frame(HEADERS, END_STREAM | END_HEADERS, id, &block(hold));
        let sent = stream.write_all(&request).is_ok();
        // It runs, and then it is not wanted.
        let patience = Duration::from_secs(if sent { 20 } else { 0 });
        if told.recv_timeout(patience).is_err() {
            break;
        }
        let _ = stream.write_all(&frame(RST_STREAM, 0, id, &8_u32.to_be_bytes()));
        if told.recv_timeout(Duration::from_secs(20)).is_err() {
            break;
        }
        taken_back += 1;
        if taken_back > 20 {
            break;
        }
    }
    assert_eq!(farewell(&mut stream), Some(ENHANCE_YOUR_CALM), "after {taken_back}");
    finish(running);
}

#[test]
fn more_requests_than_may_be_open_are_refused_one_by_one() {
    const REFUSED_STREAM: u32 = 7;
    let running = serve(|settings| settings.max_streams = 2);
    let mut stream = open(running.local_addr());
    let wait: &[(&str, &str)] = &[GET[0], GET[1], (":path", "/wait"), GET[3]];
    for id in [1, 3, 5] {
        let request = frame(HEADERS, END_STREAM | END_HEADERS, id, &block(wait));
        stream.write_all(&request).unwrap();
    }
    assert_eq!(outcome(&mut stream), Came::Reset(5, REFUSED_STREAM));
    drop(stream);
    finish(running);
}

#[test]
fn floods_that_cost_nothing_are_answered_or_end() {
    let running = serve(|_| {});
    for flood in [
        frame(PING, 0, 0, &[0; 8]),
        frame(SETTINGS, 0, 0, &[]),
        [request(1, 0, &[]), frame(DATA, 0, 1, &[]).repeat(100)].concat(),
    ] {
        let mut stream = open(running.local_addr());
        let flood = flood.repeat(200);
        // Nobody reads the answers meanwhile: what is not sent cannot be kept for ever.
        let _ = stream.write_all(&flood);
        let mut other = open(running.local_addr());
        other.write_all(&request(1, END_STREAM, &[])).unwrap();
        assert_eq!(outcome(&mut other), Came::Head(1));
    }
    finish(running);
}

#[test]
fn a_hello_that_does_not_come_is_not_waited_for() {
    let running = serve(|settings| settings.head_timeout = Duration::from_millis(50));
    assert!(!whole(running.local_addr(), &PREFACE[..20]).contains("HTTP/1.1"));
    finish(running);
}

#[test]
fn a_head_that_does_not_end_is_not_waited_for() {
    let running = serve(|settings| {
        settings.idle_timeout = Duration::from_millis(50);
        settings.drain_idle = Duration::from_millis(50);
    });
    let mut stream = open(running.local_addr());
    stream.write_all(&frame(HEADERS, END_STREAM, 1, &block(GET))).unwrap();
    assert_eq!(farewell(&mut stream), Some(0));
    finish(running);
}

#[test]
fn a_client_that_does_not_answer_a_ping_is_gone() {
    let (running, told) = crate::client::serve_telling(|settings| {
        settings.ping_interval = Duration::from_millis(50);
        settings.ping_timeout = Duration::from_millis(50);
    });
    let mut stream = open(running.local_addr());
    let hold: &[(&str, &str)] = &[GET[0], GET[1], (":path", "/hold"), GET[3]];
    stream.write_all(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(hold))).unwrap();
    let mut was_asked = false;
    loop {
        match next(&mut stream) {
            Came::Other(PING) => was_asked = true,
            Came::End => break,
            _ => {}
        }
    }
    assert!(was_asked);
    let both = [Event::Begun, Event::Dropped];
    assert_eq!(both.each_ref().map(|_| told.recv_timeout(Duration::from_secs(20)).unwrap()), both);
    finish(running);
}
