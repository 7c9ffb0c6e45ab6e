//! Memory and time.

use http::StatusCode;
use workload::Failure;

use crate::support::{ask, get, naughty, next};

#[tokio::test]
async fn memory_ends_at_the_limit_of_the_pack() {
    for (limit, taken, status) in [(16, 8, 200), (16, 17, 502), (64, 48, 200), (256, 240, 200)] {
        let workload = naughty(&format!("limits: {{memory_mb: {limit}}}"));
        let answer = ask(&workload, get(&format!("/hog?mb={taken}"))).await;
        assert_eq!(answer.status, status, "{taken} of {limit} MiB");
    }
    let bomb = naughty("limits: {memory_mb: 32}").respond(get("/hog")).await;
    assert_eq!(bomb.extensions().get(), Some(&Failure::OutOfMemory));
}

#[tokio::test]
async fn a_guest_that_takes_too_long_is_stopped_whatever_it_does() {
    let workload = naughty("limits: {timeout_ms: 50}");
    for path in ["/spin", "/block"] {
        let response = workload.respond(get(path)).await;
        assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT, "{path}");
        assert_eq!(response.extensions().get(), Some(&Failure::TooSlow), "{path}");
    }
}

#[test]
fn a_guest_that_spins_is_stopped_in_time_by_a_runtime_that_seldom_looks_at_its_timers() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().event_interval(u32::MAX).build().unwrap();
    let workload = naughty("limits: {timeout_ms: 50}");
    let answer = runtime.block_on(ask(&workload, get("/spin")));
    assert_eq!(answer.status, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn the_time_limit_holds_until_the_body_ends() {
    let response = naughty("limits: {timeout_ms: 50}").respond(get("/stall")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "first chunk");
    let error = next(&mut body).await.unwrap().unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Failure::TooSlow));
    assert!(next(&mut body).await.is_none());
}
