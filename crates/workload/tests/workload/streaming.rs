//! Bodies that arrive and leave piece by piece.

use http::Request;
use workload::Failure;

use crate::printed::Log;
use crate::support::{channel_body, naughty, naughty_bundle, new_engine, next, poll_once};

#[tokio::test]
async fn each_piece_comes_back_before_the_next_is_sent() {
    let (sender, body) = channel_body();
    let request = Request::post("/echo").body(body).unwrap();
    let mut body = naughty("").respond(request).await.into_body();
    for piece in ["one", "two", "three"] {
        sender.send(Ok(piece.into())).unwrap();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), piece);
        let mut more = Box::pin(next(&mut body));
        assert!(poll_once(&mut more).await.is_none(), "no more was sent");
    }
    drop(sender);
    assert!(next(&mut body).await.is_none());
}

#[tokio::test]
async fn a_trap_after_the_first_piece_is_an_error_of_the_body() {
    let (sender, body) = channel_body();
    let request = Request::post("/half").body(body).unwrap();
    let mut body = naughty("").respond(request).await.into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "first half");
    sender.send(Ok("go on".into())).unwrap();
    let error = next(&mut body).await.unwrap().unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Failure::Failed));
    assert!(next(&mut body).await.is_none());
}

#[tokio::test]
async fn an_error_of_the_request_body_aborts_an_echo() {
    let (sender, body) = channel_body();
    let request = Request::post("/echo").body(body).unwrap();
    let mut body = naughty("").respond(request).await.into_body();
    sender.send(Ok("one".into())).unwrap();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "one");
    sender.send(Err("the client went away".into())).unwrap();
    assert!(next(&mut body).await.unwrap().is_err());
}

#[tokio::test]
async fn dropping_the_body_stops_the_guest() {
    let engine = new_engine(1);
    let workload = naughty_bundle("").load(&engine).unwrap();
    for _ in 0..3 {
        let (_sender, body) = channel_body();
        let request = Request::post("/echo").body(body).unwrap();
        let response = workload.respond(request).await;
        assert_eq!(response.status(), 200, "the only instance is free again");
    }
}

#[tokio::test]
async fn a_guest_may_go_on_after_its_answer() {
    let mut log = Log::capture();
    let (sender, body) = channel_body();
    let request = Request::post("/after").body(body).unwrap();
    let mut body = naughty("").respond(request).await.into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "answered");
    assert!(next(&mut body).await.is_none());
    drop(body);
    drop(sender);
    log.wait_for("still here after the answer").await;
}
