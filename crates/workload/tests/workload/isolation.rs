//! What one request does to its instance, no other request sees.

use http::StatusCode;
use workload::Failure;

use crate::support::{ask, get, naughty, naughty_bundle, new_engine, poll_once};

#[tokio::test]
async fn every_request_gets_a_fresh_instance() {
    let workload = naughty("");
    for _ in 0..3 {
        assert_eq!(ask(&workload, get("/count")).await.text(), "1");
    }
}

#[tokio::test]
async fn a_fresh_instance_does_not_see_the_memory_of_the_one_before() {
    let engine = new_engine(1);
    let workload = naughty_bundle("").load(&engine).unwrap();
    for _ in 0..3 {
        assert_eq!(ask(&workload, get("/hog?mb=8")).await.text(), "took 8 MiB");
        assert_eq!(ask(&workload, get("/count")).await.text(), "1");
    }
}

#[tokio::test]
async fn a_guest_sees_nothing_of_the_world() {
    let answer = ask(&naughty(""), get("/world")).await;
    assert_eq!(answer.text(), "0 0 false Some(PermissionDenied)");
}

#[tokio::test]
async fn a_trap_ends_its_own_request_only() {
    let workload = naughty("");
    let other = workload.respond(get("/other"));
    for path in ["/trap", "/recurse", "/silent"] {
        let response = workload.respond(get(path)).await;
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY, "{path}");
        assert_eq!(response.extensions().get(), Some(&Failure::Failed), "{path}");
    }
    assert_eq!(other.await.status(), StatusCode::OK);
    assert_eq!(ask(&workload, get("/after-that")).await.text(), "/after-that");
}

#[tokio::test]
async fn a_guest_that_spins_shares_its_thread() {
    let workload = naughty("limits: {timeout_ms: 600000}");
    let mut spinning = [(); 3].map(|()| Box::pin(workload.respond(get("/spin"))));
    let mut other = Box::pin(workload.respond(get("/other")));
    loop {
        for spinning in &mut spinning {
            assert!(poll_once(spinning).await.is_none(), "it spins");
        }
        if let Some(response) = poll_once(&mut other).await {
            break assert_eq!(response.status(), StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn beyond_the_last_instance_requests_are_turned_away() {
    let engine = new_engine(1);
    let workload = naughty_bundle("").load(&engine).unwrap();
    let mut first = Box::pin(workload.respond(get("/block")));
    assert!(poll_once(&mut first).await.is_none(), "it holds the only instance");
    let response = workload.respond(get("/second")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(response.extensions().get(), Some(&Failure::Busy));
    drop(first);
    assert_eq!(ask(&workload, get("/third")).await.text(), "/third");
}
