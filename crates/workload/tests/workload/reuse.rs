//! Instances that serve more than one request, where their pack allows it.

use std::sync::Arc;

use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use workload::{Failure, Workload};

use crate::printed::Log;
use crate::support::{
    ask, channel_body, get, naughty, naughty_bundle, new_engine, next, poll_once, whole,
};

const REUSED: &str = "reuse: {requests: 100}";

/// How many requests the instance that answers has seen, this one included.
async fn count(workload: &Arc<Workload>) -> u32 {
    ask(workload, get("/count")).await.text().parse().unwrap()
}

#[tokio::test]
async fn an_instance_serves_as_many_requests_as_its_pack_says() {
    let workload = naughty("reuse: {requests: 3}");
    let mut counts = Vec::new();
    for _ in 0..7 {
        counts.push(count(&workload).await);
    }
    assert_eq!(counts, [1, 2, 3, 1, 2, 3, 1]);
}

#[tokio::test]
async fn an_instance_that_failed_in_any_way_serves_no_other_request() {
    for (path, status, limits) in [
        ("/trap", 502, ""),
        ("/recurse", 502, ""),
        ("/silent", 502, ""),
        ("/hog", 502, "limits: {memory_mb: 16}"),
        ("/grow", 200, "limits: {memory_mb: 16}"),
        ("/spin", 504, "limits: {timeout_ms: 100}"),
        ("/block", 504, "limits: {timeout_ms: 100}"),
    ] {
        let workload = naughty(&format!("{REUSED}, {limits}"));
        assert_eq!([count(&workload).await, count(&workload).await], [1, 2], "{path}");
        assert_eq!(ask(&workload, get(path)).await.status, status, "{path}");
        assert_eq!(count(&workload).await, 1, "{path}");
    }
}

#[tokio::test]
async fn an_instance_that_failed_after_its_answer_began_serves_no_other_request() {
    let workload = naughty(REUSED);
    assert_eq!([count(&workload).await, count(&workload).await], [1, 2]);
    let (sender, body) = channel_body();
    let response = workload.respond(Request::post("/half").body(body).unwrap()).await;
    let mut body = response.into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "first half");
    sender.send(Ok("go on".into())).unwrap();
    assert!(next(&mut body).await.unwrap().is_err());
    assert_eq!(count(&workload).await, 1);
}

#[tokio::test]
async fn an_instance_whose_client_went_away_serves_no_other_request() {
    let workload = naughty(REUSED);
    assert_eq!(count(&workload).await, 1);
    let mut waiting = Box::pin(workload.respond(get("/block")));
    assert!(poll_once(&mut waiting).await.is_none());
    drop(waiting);
    assert_eq!(count(&workload).await, 1, "before the answer began");
    let mut body = workload.respond(get("/stall")).await.into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "first chunk");
    drop(body);
    assert_eq!(count(&workload).await, 1, "and after");
}

#[tokio::test]
async fn an_instance_serves_one_request_at_a_time_and_comes_back_when_its_answer_ends() {
    let workload = naughty(REUSED);
    assert_eq!([count(&workload).await, count(&workload).await], [1, 2]);
    let (sender, body) = channel_body();
    let response = workload.respond(Request::post("/echo").body(body).unwrap()).await;
    assert_eq!(count(&workload).await, 1, "the one that knows of another request is busy");
    drop(sender);
    assert_eq!(whole(response).await.body, "");
    assert_eq!(count(&workload).await, 3, "the last to end is the first to serve");
}

#[tokio::test]
async fn an_instance_that_goes_on_after_its_answer_comes_back_at_its_end() {
    let mut log = Log::capture();
    let workload = naughty(REUSED);
    assert_eq!([count(&workload).await, count(&workload).await], [1, 2]);
    let (sender, body) = channel_body();
    let response = workload.respond(Request::post("/after").body(body).unwrap()).await;
    assert_eq!(whole(response).await.body, "answered");
    assert_eq!(count(&workload).await, 1, "it has not ended");
    drop(sender);
    log.wait_for("still here after the answer").await;
    // It may have been interrupted before its last instruction.
    while tokio::runtime::Handle::current().metrics().num_alive_tasks() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(count(&workload).await, 3);
}

#[tokio::test]
async fn an_instance_that_holds_on_to_a_request_is_dropped_with_it() {
    let workload = naughty(REUSED);
    for what in ["request", "stream", "fields", "pollable", "stdout"] {
        assert_eq!(count(&workload).await, 1, "{what}");
        let (sender, body) = channel_body();
        let request = Request::post(format!("/leak?{what}")).body(body).unwrap();
        assert_eq!(whole(workload.respond(request).await).await.body, "leaked", "{what}");
        assert!(sender.is_closed(), "{what}: somebody still reads the request");
    }
    for seen in 1..=2 {
        assert_eq!(count(&workload).await, seen, "standard output belongs to no request");
        assert_eq!(ask(&workload, get("/print?1")).await.text(), "printed");
    }
}

#[tokio::test]
async fn a_call_that_a_request_left_behind_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n").await.unwrap();
        // Until the other side closes.
        socket.read_to_end(&mut Vec::new()).await
    });
    let workload = naughty(&format!("{REUSED}, egress: ['{address}']"));
    assert_eq!(count(&workload).await, 1);
    assert_eq!(ask(&workload, get(&format!("/leak?{address}"))).await.text(), "leaked");
    assert_eq!(count(&workload).await, 1);
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn each_request_may_print_as_much_as_the_first() {
    let mut log = Log::capture();
    let workload = naughty(REUSED);
    for request in 1..=2 {
        assert_eq!(ask(&workload, get("/print?20000")).await.text(), "printed");
        assert_eq!(count(&workload).await, request, "it is the same instance");
        let lines = log.all();
        let said = lines.iter().filter(|line| line.contains("the rest is dropped")).count();
        assert_eq!(said, 2, "once for each stream");
    }
}

#[tokio::test]
async fn idle_instances_are_in_nobodys_way() {
    let engine = new_engine(2);
    let load = |more| naughty_bundle(more).load(&engine).unwrap();
    let (reused, other) = (load(REUSED), load(""));
    let mut first = Box::pin(reused.respond(get("/block")));
    assert!(poll_once(&mut first).await.is_none(), "it takes one place of two");
    assert_eq!(count(&reused).await, 1, "and an idle instance the other");
    assert_eq!(count(&other).await, 1, "which is given up to who needs it");
    assert_eq!(count(&reused).await, 1);
    assert_eq!(count(&reused).await, 2, "it was idle until then");
    let mut second = Box::pin(other.respond(get("/block")));
    assert!(poll_once(&mut second).await.is_none());
    for workload in [&reused, &other] {
        let response = workload.respond(get("/count")).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.extensions().get(), Some(&Failure::Busy), "nothing is idle now");
    }
}
