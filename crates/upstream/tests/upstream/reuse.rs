//! Which connections are used again.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;

use crate::server::{Server, ask, client, exactly, get, head, say};

/// Answers every request on a connection with `text`.
fn always(text: &'static str) -> Server {
    Server::start(move |mut stream, _| async move {
        while head(&mut stream).await.is_some() {
            say(&mut stream, text).await;
        }
    })
}

/// Enough turns for the event queue to hear of what the server did.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_connection_is_used_again_only_after_a_clean_exchange() {
    for (text, connections) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", 1),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 1),
        ("HTTP/1.1 204 No Content\r\n\r\n", 1),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 1),
        ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi", 1),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", 3),
        ("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi", 3),
        // Bytes left over would be the answer to somebody else's request.
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n", 3),
        ("HTTP/1.1 204 No Content\r\n\r\nX", 3),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nX", 3),
    ] {
        let (server, client) = (always(text), client());
        for _ in 0..3 {
            ask(&client, &server, get()).await.unwrap();
            settle().await;
        }
        assert_eq!(server.connections(), connections, "{text:?}");
    }
}

#[tokio::test]
async fn an_answer_that_comes_late_is_nobodys() {
    let server = Server::start(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
        say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil").await;
        std::future::pending::<()>().await;
    });
    let client = client();
    for _ in 0..2 {
        let (_, body) = ask(&client, &server, get()).await.unwrap();
        assert_eq!(body, "hi");
        settle().await;
    }
}

#[tokio::test]
async fn a_body_that_was_not_read_closes_its_connection() {
    let (server, client) = (always("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi"), client());
    for _ in 0..2 {
        drop(client.send(&server.endpoint, get()).await.unwrap());
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_clone_shares_and_another_client_does_not() {
    let server = always("HTTP/1.1 204 No Content\r\n\r\n");
    let client = client();
    ask(&client, &server, get()).await.unwrap();
    ask(&client.clone(), &server, get()).await.unwrap();
    assert_eq!(server.connections(), 1);
    ask(&crate::server::client(), &server, get()).await.unwrap();
    assert_eq!(server.connections(), 2);
}

/// Answers once on the first connection, and breaks off at the next request there, having read it.
fn breaking() -> Server {
    Server::start(|mut stream, index| async move {
        while let Some(head) = head(&mut stream).await {
            if head.contains("content-length: 2") {
                exactly(&mut stream, 2).await;
            }
            say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
            if index == 0 {
                crate::server::head(&mut stream).await;
                return;
            }
        }
    })
}

fn with(method: Method, body: &'static str) -> Request<Full<Bytes>> {
    let body = Full::new(Bytes::from_static(body.as_bytes()));
    Request::builder().method(method).uri("/").header("host", "a.test").body(body).unwrap()
}

#[tokio::test]
async fn what_may_be_sent_twice_is_sent_again_when_a_waiting_connection_breaks() {
    for (method, body, expected) in [
        (Method::GET, "", Ok(StatusCode::OK)),
        (Method::PUT, "ab", Ok(StatusCode::OK)),
        (Method::POST, "ab", Err("closed".to_owned())),
        (Method::PATCH, "", Err("closed".to_owned())),
    ] {
        let (server, client) = (breaking(), client());
        ask(&client, &server, get()).await.unwrap();
        let said = ask(&client, &server, with(method.clone(), body)).await;
        assert_eq!(said.map(|(status, _)| status), expected, "{method}");
        assert_eq!(server.connections(), if expected.is_ok() { 2 } else { 1 }, "{method}");
    }
}

#[tokio::test]
async fn nothing_is_sent_where_the_server_has_hung_up() {
    let server = Server::start(|mut stream, _| async move {
        head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 204 No Content\r\n\r\n").await;
    });
    let client = client();
    for _ in 0..3 {
        ask(&client, &server, with(Method::POST, "")).await.unwrap();
        settle().await;
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_first_connection_that_breaks_is_an_error() {
    let server = Server::start(|mut stream, _| async move {
        head(&mut stream).await;
    });
    assert_eq!(ask(&client(), &server, get()).await.unwrap_err(), "closed");
    assert_eq!(server.connections(), 1);
}
