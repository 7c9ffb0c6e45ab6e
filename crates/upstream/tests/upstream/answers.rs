//! What becomes of an answer, whatever it is and however it arrives.

use http::{Method, StatusCode};

use crate::server::{Server, ask, client, get};

/// What a client makes of these bytes, in these pieces, behind which the server hangs up.
async fn read(method: &Method, pieces: Vec<Vec<u8>>) -> String {
    let server = Server::saying(pieces);
    let mut request = get();
    *request.method_mut() = method.clone();
    match ask(&client(), &server, request).await {
        Ok((status, body)) => {
            format!("{} {}", status.as_u16(), String::from_utf8_lossy(&body))
        }
        Err(why) => why,
    }
}

const ANSWERS: [(&str, &str); 22] = [
    ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "200 hello"),
    ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello, and more", "200 hello"),
    ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", "closed"),
    ("HTTP/1.1 200 OK\r\n\r\nhello", "200 hello"),
    ("HTTP/1.0 200 OK\r\n\r\nhello", "200 hello"),
    ("HTTP/1.1 204 No Content\r\n\r\nhello", "204 "),
    ("HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", "304 "),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
        "200 hello",
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n",
        "200 hello",
    ),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", "closed"),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "closed"),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", "Chunks"),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", "Chunks"),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", "Chunks"),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n", "Chunks"),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n",
        "Chunks",
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\ncontent-length: 5\r\n\r\n",
        "Chunks",
    ),
    (
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "200 hello",
    ),
    (
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        "Upgrade",
    ),
    ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 4\r\n\r\nhello", "Length"),
    ("HTTP/1.1 200 O", "closed"),
    ("", "closed"),
];

#[tokio::test]
async fn answers_mean_one_thing_or_are_refused() {
    for (text, expected) in ANSWERS {
        let said = read(&Method::GET, vec![text.into()]).await;
        assert_eq!(said, expected, "{text:?}");
    }
}

#[tokio::test]
async fn answers_mean_the_same_wherever_they_are_split() {
    for (text, expected) in ANSWERS {
        for at in 1..text.len().max(1) {
            let (first, second) = text.as_bytes().split_at(at.min(text.len()));
            let said = read(&Method::GET, vec![first.into(), second.into()]).await;
            assert_eq!(said, expected, "{text:?} split at {at}");
        }
    }
}

#[tokio::test]
async fn each_byte_by_itself_means_the_same() {
    for (text, expected) in ANSWERS {
        let pieces = text.bytes().map(|byte| vec![byte]).collect();
        assert_eq!(read(&Method::GET, pieces).await, expected, "{text:?}");
    }
}

#[tokio::test]
async fn the_answer_to_head_has_no_body() {
    let text = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
    assert_eq!(read(&Method::HEAD, vec![text.into()]).await, "200 ");
}

#[tokio::test]
async fn interim_answers_without_end_are_refused() {
    let flood = "HTTP/1.1 102 Processing\r\n\r\n".repeat(9);
    assert_eq!(read(&Method::GET, vec![flood.into()]).await, "TooManyInterim");
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(65 * 1024));
    assert_eq!(read(&Method::GET, vec![endless.into()]).await, "HeadTooLarge");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_waited_for_only_so_long() {
    for (first, expected) in [
        ("", "timeout: answer"),
        ("HTTP/1.1 200 OK\r\n", "timeout: answer"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe", "timeout: go on with its answer"),
    ] {
        let server = Server::start(move |mut stream, _| async move {
            crate::server::head(&mut stream).await;
            crate::server::say(&mut stream, first).await;
            std::future::pending::<()>().await;
        });
        assert_eq!(ask(&client(), &server, get()).await.unwrap_err(), expected, "{first:?}");
    }
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let body = vec![b'a'; 3 << 20];
    let mut text = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    text.push_str(std::str::from_utf8(&body).unwrap());
    let server = Server::saying(vec![text.into()]);
    let (status, came) = ask(&client(), &server, get()).await.unwrap();
    assert_eq!((status, came.len()), (StatusCode::OK, body.len()));
    assert!(came == body);
}
