//! What a running data plane says about itself, and what it does with a pause.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use harness::{Connection, looks};
use serde_json::json;

use crate::world::World;

pub(crate) fn metrics(world: &World) -> String {
    let socket = world.gtc.store_root().join("local/run/admin.sock");
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    body.to_owned()
}

/// The value of the one series that has all of these in its line.
pub(crate) fn value(metrics: &str, parts: &[&str]) -> f64 {
    let series = metrics.lines().filter(|line| !line.starts_with('#'));
    let lines: Vec<&str> =
        series.filter(|line| parts.iter().all(|part| line.contains(part))).collect();
    assert_eq!(lines.len(), 1, "{parts:?} in\n{metrics}");
    lines[0].rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn what_was_counted_is_what_prometheus_reads() {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.test", "/");
    world.set(&id, &["r1=75", "r2=25"]);
    let serving = world.gtc.start(&[]).unwrap();
    let mut connection = Connection::open(&serving.address).unwrap();
    let mut by_revision = std::collections::BTreeMap::new();
    for _ in 0..40 {
        let answer = connection.get("hello.test", "/").unwrap();
        *by_revision.entry(answer.revision).or_insert(0.0) += 1.0;
    }
    let text = metrics(&world);
    for (revision, count) in &by_revision {
        let name = "greentic_http_requests_total{";
        let of = format!("revision=\"{revision}\"");
        let of = [name, &of, "pack=\"web\""];
        let seen = value(&text, &[&of[..], &["code=\"2xx\"", "bundle=\"hello\""]].concat());
        assert!((seen - count).abs() < 0.1, "{seen} {count}");
        let seen = value(&text, &[&["duration_seconds_count"], &of[1..]].concat());
        assert!((seen - count).abs() < 0.1, "{seen} {count}");
    }
    let share = value(&text, &["traffic_weight_ratio", "sequence=\"1\""]);
    assert!((share - 0.75).abs() < 1e-9, "{share}");

    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is installed: `cargo xtask test`");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = promtool.wait_with_output().unwrap();
    let complaints = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success() && complaints.is_empty(), "{complaints}\n{text}");
    serving.stop().unwrap();
}

#[test]
fn a_paused_deployment_holds_its_requests_until_it_goes_on() {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.test", "/");
    world.set(&id, &["r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    let obeyed = || value(&metrics(&world), &["commit_sequence "]);
    let before = obeyed();
    world.op("bundles pause", &["hello"]);
    while obeyed() <= before {}
    let address = serving.address.clone();
    let asking = std::thread::spawn(move || {
        Connection::open(&address).unwrap().get("hello.test", "/").unwrap().status
    });
    while value(&metrics(&world), &["requests_held "]) < 0.5 {
        assert!(!asking.is_finished());
    }
    world.op("bundles resume", &["hello"]);
    assert_eq!(asking.join().unwrap(), 200);
    assert!(value(&metrics(&world), &["requests_held "]) < 0.5);
    serving.stop().unwrap();
}

#[test]
fn who_would_answer_is_explained_by_the_rules_that_answer() {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.test", "/");
    world.set(&id, &["r1=99", "r2=1"]);
    let explain = |words: &[&str]| {
        let url = ["explain", "--url", "http://Hello.Test:8080/a/../b?c"];
        world.gtc.run(&[&url, words].concat()).unwrap()
    };
    let drawn = explain(&[]);
    assert_eq!((&drawn["why"], &drawn["revision_id"]), (&json!("drawn"), &json!(null)));
    assert_eq!(drawn["steps"][1], "answer: drawn, r1 99.00 %, r2 1.00 %");

    let serving = world.gtc.start(&[]).unwrap();
    let mut connection = Connection::open(&serving.address).unwrap();
    let answer = connection.get("hello.test", "/").unwrap();
    let cookie = answer.cookie.unwrap();
    let said = explain(&["--cookie", &format!("a=b; {cookie}")]);
    assert_eq!((&said["why"], &said["revision_id"]), (&json!("cookie"), &json!(answer.revision)));
    assert_eq!(said["cookies"][0]["verdict"], "valid");

    // A newer split: the slot of the session decides, in the data plane as here.
    world.set(&id, &["r1=50", "r2=50"]);
    let said = explain(&["--cookie", &cookie]);
    assert_eq!(
        (&said["why"], &said["cookies"][0]["verdict"]),
        (&json!("slot"), &json!("superseded"))
    );
    let answered = looks().find_map(|()| {
        let line = format!("cookie: {cookie}\r\n");
        let answer = connection.ask("hello.test", "/", &line).unwrap();
        answer.generation.filter(|generation| *generation == 1).map(|_| answer.revision)
    });
    assert_eq!(said["revision_id"], json!(answered.unwrap()));

    let forged = explain(&["--cookie", &format!("{}AAAA", &cookie[..cookie.len() - 4])]);
    assert_eq!(forged["cookies"][0]["verdict"], "unsigned");
    let said = explain(&["--revision", "r2", "--peer", "10.0.0.7"]);
    assert_eq!(said["why"], "drawn");
    world.op("env update", &["local", "--trusted-peer", "10.0.0.7"]);
    let said = explain(&["--revision", "r2", "--peer", "10.0.0.7"]);
    assert_eq!((&said["why"], &said["sequence"]), (&json!("forced"), &json!(2)));

    for (url, code) in [("http://other.test/", 3), ("hello", 2), ("http://a b/", 2)] {
        let (ended, said) = world.refused(&["explain", "--url", url], "");
        assert_eq!(ended, code, "{said}");
    }
    serving.stop().unwrap();
}

#[test]
fn a_preview_reaches_a_revision_that_has_no_weight_and_only_for_who_has_it() {
    let (world, bundles) = World::with_bundles();
    let (id, revisions) = world.deployed(&bundles, "hello.test", "/");
    world.set(&id, &["r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    let made = world.gtc.run(&["preview", "r2", "--for", "5m"]).unwrap();
    let (url, header) = (made["url"].as_str().unwrap(), made["header"].as_str().unwrap());
    let mut connection = Connection::open(&serving.address).unwrap();
    let by_header = connection.ask("hello.test", "/", &format!("{header}\r\n")).unwrap();
    assert_eq!((by_header.status, &by_header.revision), (200, &revisions[1]));
    assert_eq!(by_header.cookie, None, "a preview begins no session");

    let path = format!("/x?a=b&{}", url.split_once('?').unwrap().1);
    let link = connection.get("hello.test", &path).unwrap();
    assert_eq!(link.status, 302);
    let cookie = format!("cookie: a=b; {}\r\n", link.cookie.unwrap());
    let by_cookie = connection.ask("hello.test", "/", &cookie).unwrap();
    assert_eq!(by_cookie.revision, revisions[1]);

    let plain = connection.get("hello.test", "/").unwrap();
    let (before, after) = header.split_at(header.len() - 8);
    let other = if after.starts_with('A') { "B" } else { "A" };
    let forged = format!("{before}{other}{}\r\n", &after[1..]);
    let by_forged = connection.ask("hello.test", "/", &forged).unwrap();
    assert_eq!((&plain.revision, &by_forged.revision), (&revisions[0], &revisions[0]));

    let token = header.split_once(": ").unwrap().1;
    let url = ["explain", "--url", "http://hello.test/", "--preview", token];
    assert_eq!(world.gtc.run(&url).unwrap()["why"], "preview");
    let (code, said) = world.refused(&["preview", "r2", "--for", "2d"], "");
    assert_eq!(code, 2, "{said}");
    world.op("revisions archive", &["r2"]);
    let (code, said) = world.refused(&["preview", "r2"], "");
    assert_eq!(code, 5, "{said}");
    serving.stop().unwrap();
}
