//! Programs of bundles: kept running, and proxied to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use deploy_spec::{Fault, Kind};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use process::{Launcher, Supervisor};
use serde_json::{Value, json};
use workload::{Engine, EngineSettings, Failure, Given, Workload};

use crate::guests::server;
use crate::support::{ask, bundle, channel_body, engine, get, next, poll_once};

const PATIENCE: Duration = Duration::from_secs(60);

const MARK: &str = "WORKLOAD_TEST_SHIM";

/// Not a test of its own: what every shim of these tests is.
#[test]
#[expect(clippy::disallowed_methods, reason = "how a test tells a child of itself what to be")]
fn as_a_shim() {
    if std::env::var_os(MARK).is_some() {
        let code = process::shim_main();
        std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
    }
}

fn supervising() -> Engine {
    let args = ["--exact", "programs::as_a_shim", "--nocapture", "--test-threads=1"];
    let launcher = Launcher {
        program: "/proc/self/exe".into(),
        args: args.map(Into::into).to_vec(),
        env: vec![(MARK.into(), "1".into())],
    };
    let supervisor = Some(Supervisor::new(launcher, std::env::temp_dir(), || 0));
    Engine::new(EngineSettings { instances: 1, supervisor, ..EngineSettings::default() }).unwrap()
}

fn load(program: &[u8], more: &str, config: &Value) -> Result<Arc<Workload>, Fault> {
    let pack = format!("  - {{pack_id: api, kind: process, path: bin/api, {more}}}\n");
    let config = config.as_object().unwrap().clone();
    let given = Given { name: "r1".into(), config, ..Given::default() };
    bundle(&pack, &[("bin/api", program)]).load_given(&supervising(), &given)
}

/// The server, ready.
fn serving(more: &str) -> Arc<Workload> {
    let workload = load(server(), more, &json!({})).unwrap();
    workload.wait_until_ready().unwrap();
    workload
}

const SOCKET: &str = "process: {listen: socket, grace_ms: 500}";

async fn text(workload: &Arc<Workload>, path: &str) -> String {
    let answer = ask(workload, get(path)).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer.text().to_owned()
}

/// Asks until the answer is as wanted; nobody tells when that is so.
async fn until(workload: &Arc<Workload>, path: &str, wanted: impl Fn(StatusCode, &str) -> bool) {
    let begun = Instant::now();
    loop {
        let answer = ask(workload, get(path)).await;
        if wanted(answer.status, answer.text()) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{path}: {answer:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn it_answers_at_a_socket_and_at_a_port() {
    for more in [SOCKET, "process: {probe: {path: /ready}}", "public_path: /"] {
        let answer = ask(&serving(more), get("/")).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "hello\n"), "{more}");
    }
}

#[tokio::test]
async fn it_may_speak_http_2_in_the_clear() {
    // It is asked so whether it is ready, too.
    let probe = "protocol: h2c, process: {args: [h2c], probe: {path: /ready}";
    for more in [format!("{probe}, listen: socket}}"), format!("{probe}}}")] {
        let workload = serving(&more);
        let answer = ask(&workload, get("/")).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::OK, "hello in HTTP/2\n"), "{more}");
        assert!(workload.relay("/").is_none(), "bytes of HTTP/1.1 are not for it");
    }
    assert!(serving(SOCKET).relay("/").is_some());
}

#[tokio::test]
async fn it_sees_the_request_without_what_belongs_to_the_connection() {
    let workload = serving("public_path: /api, process: {listen: socket}");
    let request = Request::get("/api/head")
        .header("host", "a.test")
        .header("connection", "x-private")
        .header("x-private", "1")
        .header("expect", "100-continue")
        .header("upgrade", "websocket")
        .header("x-kept", "2")
        .body(Full::<Bytes>::default())
        .unwrap();
    let answer = ask(&workload, request).await;
    let mut lines: Vec<_> = answer.text().trim_end().lines().collect();
    lines[1..].sort_unstable();
    assert_eq!(
        lines,
        ["GET /head HTTP/1.1", "host: a.test", "x-forwarded-prefix: /api", "x-kept: 2"]
    );
    assert_eq!(answer.header("x-from"), "program");
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let workload = serving(SOCKET);
    let first = text(&workload, "/connection").await;
    assert_eq!(text(&workload, "/connection").await, first);
    let last = ask(&workload, get("/last")).await;
    assert_eq!(last.text(), first);
    assert_eq!((last.header("connection"), last.header("keep-alive")), ("", ""));
    assert_ne!(text(&workload, "/connection").await, first);
}

#[tokio::test]
async fn a_connection_that_went_stale_loses_no_request() {
    let workload = serving(SOCKET);
    for _ in 0..50 {
        assert_eq!(text(&workload, "/stale").await, "bye");
        assert_eq!(text(&workload, "/").await, "hello\n");
    }
}

#[tokio::test]
async fn each_piece_comes_back_before_the_next_is_sent() {
    let (sender, body) = channel_body();
    let request = Request::post("/echo").body(body).unwrap();
    let workload = serving(SOCKET);
    sender.send(Ok("none".into())).unwrap();
    let mut body = workload.respond(request).await.into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "none");
    for piece in ["one", "two", "three"] {
        let mut more = Box::pin(next(&mut body));
        assert!(poll_once(&mut more).await.is_none(), "no more was sent");
        drop(more);
        sender.send(Ok(piece.into())).unwrap();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), piece);
    }
    drop(sender);
    assert!(next(&mut body).await.is_none());
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_written_for_and_one_that_goes_is_noticed() {
    let workload = serving(SOCKET);
    let mut body = workload.respond(get("/endless")).await.into_body();
    assert!(next(&mut body).await.unwrap().unwrap().starts_with(b"xxx"));
    for _ in 0..200 {
        let written: u64 = text(&workload, "/written").await.parse().unwrap();
        assert!(written < 8 << 20, "{written} bytes are held for nobody");
    }
    drop(body);
    until(&workload, "/gone", |_, gone| gone == "1").await;
}

#[tokio::test]
async fn one_that_takes_too_long_is_not_waited_for() {
    let workload = serving("limits: {timeout_ms: 100}, process: {listen: socket}");
    let response = workload.respond(get("/never")).await;
    assert_eq!(response.extensions().get(), Some(&Failure::TooSlow));
    let response = workload.respond(get("/half")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "first half");
    let error = next(&mut body).await.unwrap().unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&Failure::TooSlow));
}

#[tokio::test]
async fn a_stream_may_be_silent_for_longer_than_an_answer_may_take() {
    let workload = serving("limits: {timeout_ms: 100}, process: {listen: socket}");
    let mut events = workload.respond(get("/events")).await.into_body();
    assert_eq!(next(&mut events).await.unwrap().unwrap(), "data: 1\n\n");
    let rest = tokio::spawn(events.collect());
    // What is no stream and began later is over by now.
    let mut half = workload.respond(get("/half")).await.into_body();
    next(&mut half).await.unwrap().unwrap();
    next(&mut half).await.unwrap().unwrap_err();
    text(&workload, "/more").await;
    assert_eq!(rest.await.unwrap().unwrap().to_bytes(), "data: 2\n\n");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_of_the_body() {
    let response = serving(SOCKET).respond(get("/break")).await;
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn one_that_crashes_loses_that_request_and_is_back() {
    let workload = serving(SOCKET);
    let pid = text(&workload, "/pid").await;
    let response = workload.respond(get("/crash")).await;
    assert_eq!(response.extensions().get(), Some(&Failure::Failed));
    until(&workload, "/pid", |status, now| status == StatusCode::OK && now != pid).await;
}

#[tokio::test]
async fn it_reads_its_configuration_in_its_environment() {
    let config = json!({"greeting": "good morning", "page-size": 20});
    let workload = load(server(), SOCKET, &config).unwrap();
    workload.wait_until_ready().unwrap();
    let env = text(&workload, "/env").await;
    for line in ["GREETING=good morning", "PAGE_SIZE=20"] {
        assert!(env.lines().any(|found| found == line), "{env}");
    }
    assert_eq!(env.lines().count(), 4, "these, its socket and its folder: {env}");
}

#[tokio::test]
async fn unloading_it_stops_it_once_nobody_is_answered_any_more() {
    let workload = serving(SOCKET);
    let process = std::path::Path::new("/proc").join(text(&workload, "/pid").await);
    let mut body = workload.respond(get("/endless")).await.into_body();
    drop(workload);
    for _ in 0..100 {
        assert!(next(&mut body).await.unwrap().is_ok());
    }
    assert!(process.exists());
    drop(body);
    let begun = Instant::now();
    while process.exists() {
        assert!(begun.elapsed() < PATIENCE, "it runs on");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn while_it_is_not_ready_it_says_so() {
    let workload = load(server(), "process: {args: [crash]}", &json!({})).unwrap();
    let response = workload.respond(get("/")).await;
    assert_eq!(response.extensions().get(), Some(&Failure::NotReady));
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    let fault = workload.wait_until_ready().unwrap_err();
    assert_eq!(fault.kind, Kind::Unhealthy);
    let why = "pack `api`: the program failed: it ended by itself: exit status: 3";
    assert_eq!(fault.message, why);
}

#[test]
fn what_cannot_be_run_is_refused_when_it_is_loaded() {
    // Built for MIPS, as its header says (System V ABI, `e_machine`).
    let mut foreign = server().to_vec();
    foreign[18..20].copy_from_slice(&8_u16.to_le_bytes());
    let fault = load(&foreign, "", &json!({})).unwrap_err();
    let why = "pack `api`: `bin/api` cannot be run: it is for machine 8 of the ELF list";
    assert!(fault.message.starts_with(why), "{}", fault.message);
    let fault = load(server(), "", &json!({"port": 80})).unwrap_err();
    assert!(fault.message.contains("`PORT`"), "{}", fault.message);
    let pack = "  - {pack_id: api, kind: process, path: bin/api}\n";
    let fault = bundle(pack, &[("bin/api", server())]).load(&engine()).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
}
