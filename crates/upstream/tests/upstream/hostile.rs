//! Servers of HTTP/2 that break rules, or try to cost us more than them.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use crate::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frames, HEADERS, PING, PUSH_PROMISE,
    SETTINGS, WINDOW_UPDATE, answer, block, client, frame, head, saying,
};
use crate::server::{Server, ask, get};

const OK: (&str, &str) = (":status", "200");

async fn said(bytes: Vec<u8>) -> Result<(StatusCode, Bytes), String> {
    let server = saying(bytes);
    ask(&client(|_| {}), &server, get()).await
}

#[tokio::test]
async fn an_answer_by_hand_is_an_answer() {
    let bytes = [head(1, 0, &[OK, ("x", "y")]), frame(DATA, END_STREAM, 1, b"hello")].concat();
    assert_eq!(said(bytes).await.unwrap(), (StatusCode::OK, Bytes::from_static(b"hello")));
}

#[tokio::test]
async fn a_malformed_head_is_no_answer() {
    let long = "x".repeat(100);
    let heads: &[&[(&str, &str)]] = &[
        &[("x", "y")],
        &[(":status", "20")],
        &[(":status", "600")],
        &[(":status", "101")],
        &[OK, OK],
        &[("x", "y"), OK],
        &[OK, ("Upper", "case")],
        &[OK, ("connection", "close")],
        &[OK, ("transfer-encoding", "chunked")],
        &[OK, ("keep-alive", "1")],
        &[OK, ("upgrade", "websocket")],
        &[OK, ("x", "a\rb")],
        &[OK, ("x", "a\nb")],
        &[OK, ("x", "a\0b")],
        &[OK, ("x", " blank")],
        &[OK, ("x y", "z")],
        &[OK, ("content-length", "1"), ("content-length", "2")],
        &[OK, ("content-length", "0"), ("content-length", "0")],
        &[OK, ("content-length", "+0")],
        &[OK, ("content-length", "5")],
        &[&[OK][..], &[("x", "y"); 257]].concat(),
        &[&[OK][..], &[("x", long.as_str()); 600]].concat(),
    ];
    for lines in heads {
        // Too long for one frame, some of them.
        let block = block(lines);
        let mut pieces = block.chunks(16_000).peekable();
        let mut bytes = Vec::new();
        let mut kind = HEADERS;
        while let Some(piece) = pieces.next() {
            let end = if pieces.peek().is_none() { END_HEADERS } else { 0 };
            let flags = end | if kind == HEADERS { END_STREAM } else { 0 };
            bytes.extend(frame(kind, flags, 1, piece));
            kind = CONTINUATION;
        }
        let came = said(bytes).await;
        assert!(came.is_err(), "{:?}: {came:?}", &lines[..lines.len().min(3)]);
    }
}

#[tokio::test]
async fn a_body_is_as_long_as_it_said_and_only_where_there_is_one() {
    let five = ("content-length", "5");
    for (lines, body) in [
        (&[OK, five][..], "four"),
        (&[OK, five], "longer"),
        (&[(":status", "204")], "x"),
        (&[(":status", "304")], "x"),
    ] {
        let bytes = [head(1, 0, lines), frame(DATA, END_STREAM, 1, body.as_bytes())].concat();
        let came = said(bytes).await;
        assert!(came.is_err(), "{lines:?} {body}: {came:?}");
    }
    let bytes = [head(1, 0, &[OK]), head(1, END_STREAM, &[("content-length", "0")])].concat();
    assert_eq!(said(bytes).await.unwrap_err(), "Trailers");
}

#[tokio::test]
async fn what_is_no_frame_or_a_forbidden_one_ends_the_connection() {
    for bytes in [
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(),
        frame(DATA, 0, 1, b"before the head"),
        frame(DATA, 0, 0, b"on no stream"),
        head(3, END_STREAM, &[OK]),
        head(2, END_STREAM, &[OK]),
        frame(CONTINUATION, END_HEADERS, 1, &block(&[OK])),
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 9]),
        [frame(HEADERS, END_STREAM, 1, &block(&[OK])), frame(PING, 0, 0, &[0; 8])].concat(),
        frame(SETTINGS, ACK, 0, &[0]),
        frame(PING, 0, 0, &[0]),
        frame(WINDOW_UPDATE, 0, 0, &0_u32.to_be_bytes()),
        // Twice as much as a window may be.
        [(); 2].map(|()| frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes())).concat(),
        frame(PUSH_PROMISE, END_HEADERS, 1, &[&2_u32.to_be_bytes()[..], &block(&[OK])].concat()),
        frame(DATA, 0, 1, &[0; 20_000]),
    ] {
        let came = said(bytes.clone()).await;
        assert_eq!(came, Err("Http2".into()), "{bytes:?}");
    }
}

#[tokio::test]
async fn interim_answers_come_to_an_end() {
    let hints = head(1, 0, &[(":status", "103"), ("link", "<a>")]);
    let bytes = [hints.repeat(8), answer(1)].concat();
    assert_eq!(said(bytes).await.unwrap().0, StatusCode::OK);
    assert_eq!(said(hints.repeat(9)).await, Err("TooManyInterim".into()));
}

/// Sends these for as long as anybody listens, behind the head of a request.
fn endless(first: Vec<u8>, then: Vec<u8>) -> Server {
    Server::start(move |stream, _| {
        let (first, then) = (first.clone(), then.repeat(100));
        async move {
            let mut frames = Frames::open(stream).await;
            frames.request().await;
            frames.send(&first).await;
            while frames.send(&then).await {}
        }
    })
}

#[tokio::test]
async fn an_endless_head_and_endless_nothing_are_cut() {
    let begun = frame(HEADERS, END_STREAM, 1, &block(&[OK]));
    for (first, then) in [
        (begun.clone(), frame(CONTINUATION, 0, 1, &block(&[("x", "y")]))),
        (begun, frame(CONTINUATION, 0, 1, &[])),
        (head(1, 0, &[OK]), frame(DATA, 0, 1, &[])),
        (Vec::new(), head(1, 0, &[(":status", "103")])),
    ] {
        let server = endless(first, then);
        let came = ask(&client(|_| {}), &server, get()).await;
        assert!(came.is_err(), "{came:?}");
    }
}

#[tokio::test]
async fn more_than_the_window_is_no_answer() {
    // 256 kB in pieces that are allowed; the client has not read any of them.
    let piece = frame(DATA, 0, 1, &[0; 16_384]);
    let server = saying([head(1, 0, &[OK]), piece.repeat(17)].concat());
    let client = client(|_| {});
    let answer = client.send(&server.endpoint, get()).await;
    let came = match answer {
        Ok(answer) => {
            // All of it comes before any of it is read.
            while client.send(&server.endpoint, get()).await.is_ok() {}
            http_body_util::BodyExt::collect(answer.into_body()).await.map(drop)
        }
        Err(error) => Err(error.into()),
    };
    assert!(came.is_err());
}

#[tokio::test]
async fn who_says_nothing_after_the_connection_is_made_is_too_slow() {
    // No settings at all, and none that let a request in.
    let mute = Server::start(|stream, _| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    });
    let closed = Server::start(|stream, _| async move {
        // `SETTINGS_MAX_CONCURRENT_STREAMS`
        Frames::greeted(stream, &[(3, 0)]).await.read_away().await;
    });
    for server in [mute, closed] {
        let client = client(|settings| settings.connect_timeout = Duration::from_millis(100));
        let came = ask(&client, &server, get()).await;
        assert_eq!(came, Err("timeout: accept a connection".into()));
    }
}

#[tokio::test]
async fn a_server_of_http_1_is_found_out() {
    let server = Server::saying(vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()]);
    let came = ask(&client(|_| {}), &server, get()).await.unwrap_err();
    assert!(came.starts_with("it does not speak HTTP/2"), "{came}");
}
