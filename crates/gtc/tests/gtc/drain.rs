//! Draining: nothing new, everything begun is finished, and the end comes by itself.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use harness::{Connection, Serving, looks};
use serde_json::json;

use crate::world::World;

fn until(world: &World, revision: &str, lifecycle: &str) {
    for () in looks() {
        if world.op("revisions show", &["local", revision])["revision"]["lifecycle"] == lifecycle {
            return;
        }
    }
    panic!("{revision} never was {lifecycle}");
}

fn serving() -> (World, Serving) {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.localhost", "/");
    world.set(&id, &["r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    (world, serving)
}

#[test]
fn what_has_weight_does_not_drain() {
    let (world, _serving) = serving();
    let (code, said) = world.refused(&["op", "revisions", "drain", "r1"], "");
    assert_eq!((code, &said["error"]["kind"]), (5, &json!("refused")));
    assert!(said["error"]["hint"].as_str().unwrap().contains("gtc op traffic set"), "{said}");
}

#[test]
fn a_revision_that_answers_nothing_is_inactive_soon() {
    let (world, serving) = serving();
    world.op("traffic set", &["r2=100"]);
    world.op("revisions drain", &["r1"]);
    until(&world, "r1", "inactive");
    let mut connection = Connection::open(&serving.address).unwrap();
    assert_eq!(connection.get("hello.localhost", "/").unwrap().status, 200);
    let log = world.gtc.store_root().join("local/audit/events.jsonl");
    let log = std::fs::read_to_string(log).unwrap();
    let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(last["verb"], "complete-drain");
    assert_eq!(last["authorization"]["policy"], "builtin/data-plane");
}

/// The head of the request is sent, its body is not: the guest waits for it, and so does the drain.
#[test]
fn a_request_that_was_begun_is_finished_before_the_revision_is_inactive() {
    let (world, serving) = serving();
    let mut begun = TcpStream::connect(&serving.address).unwrap();
    let head = "POST /echo HTTP/1.1\r\nhost: hello.localhost\r\ncontent-length: 5\r\nconnection: close\r\n\r\n";
    begun.write_all(head.as_bytes()).unwrap();
    for () in looks() {
        if world.gtc.run(&["status"]).unwrap()["revisions"][0]["in_flight"] == 1 {
            break;
        }
    }
    world.op("traffic set", &["r2=100"]);
    world.op("revisions drain", &["r1"]);
    let shown = world.op("revisions show", &["local", "r1"]);
    assert_eq!(shown["revision"]["lifecycle"], "draining");
    begun.write_all(b"hello").unwrap();
    let mut answer = String::new();
    begun.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    until(&world, "r1", "inactive");
}

#[test]
fn without_a_data_plane_nothing_is_in_flight() {
    let (world, bundles) = World::with_bundles();
    world.deployed(&bundles, "hello.localhost", "/");
    assert_eq!(world.op("revisions drain", &["r1"])["lifecycle"], "inactive");
    assert_eq!(world.op("revisions retry", &["r1"])["lifecycle"], "staged");
    assert_eq!(world.op("revisions warm", &["r1"])["lifecycle"], "ready");
}

#[test]
fn a_drain_that_a_crash_cut_short_ends_at_the_next_start() {
    let (world, serving) = serving();
    world.op("traffic set", &["r2=100"]);
    let mut begun = TcpStream::connect(&serving.address).unwrap();
    begun.write_all(b"POST /echo HTTP/1.1\r\nhost: hello.localhost\r\n").unwrap();
    world.op("revisions drain", &["r1"]);
    drop(serving);
    let _again = world.gtc.start(&[]).unwrap();
    until(&world, "r1", "inactive");
}

/// The guest echoes what arrives and waits for more, which never comes.
#[test]
fn a_stream_ends_when_the_time_to_drain_is_over() {
    let (world, bundles) = World::with_bundles();
    world.op("bundles add", &["hello", "--host", "hello.localhost"]);
    world.op("revisions stage", &[&bundles[0], "--drain-seconds", "0"]);
    world.op("revisions stage", &[&bundles[1]]);
    world.op("revisions warm", &["r1"]);
    world.op("revisions warm", &["r2"]);
    world.op("traffic set", &["r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    let mut stream = TcpStream::connect(&serving.address).unwrap();
    let head = "POST /echo HTTP/1.1\r\nhost: hello.localhost\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"5\r\nhello\r\n") {
        let mut some = [0; 1024];
        let n = stream.read(&mut some).unwrap();
        assert_ne!(n, 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&some[..n]);
    }
    world.op("traffic set", &["r2=100"]);
    world.op("revisions drain", &["r1"]);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"", "nobody takes it for the end of the answer");
    until(&world, "r1", "inactive");
}
