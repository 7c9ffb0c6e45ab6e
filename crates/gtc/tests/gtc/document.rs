//! `gtc start --config`: a broken document is refused, and the last good one is still served.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use harness::{Connection, Prober};
use serde_json::{Value, json};

use crate::world::World;

/// What the data plane says of itself.
fn status(folder: &Path) -> Value {
    let mut socket = UnixStream::connect(folder.join("run/admin.sock")).unwrap();
    socket.write_all(b"GET /status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str::<Value>(body).unwrap()["result"].clone()
}

/// Waits until the status is as `wanted`.
fn wait_for(folder: &Path, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let now = status(folder);
        if wanted(&now) {
            return now;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {now}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn replace(file: &Path, text: &str) {
    let draft = file.with_extension("draft");
    std::fs::write(&draft, text).unwrap();
    std::fs::rename(&draft, file).unwrap();
}

/// Every way in which a document can be wrong, made out of a good one.
fn broken(good: &Value) -> Vec<(&'static str, String)> {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut document = good.clone();
        change(&mut document);
        document.to_string()
    };
    let split = "/deployments/0/split";
    vec![
        ("another schema", with(&|d| d["schema"] = json!("greentic.runtime-config.v2"))),
        ("another environment", with(&|d| d["environment_id"] = json!("prod"))),
        (
            "a weight over the whole",
            with(&|d| {
                *d.pointer_mut(&format!("{split}/entries/0/weight_bps")).unwrap() = json!(10_001);
            }),
        ),
        (
            "weights that do not sum",
            with(&|d| *d.pointer_mut(&format!("{split}/entries/0/weight_bps")).unwrap() = json!(1)),
        ),
        (
            "a revision twice in the split",
            with(&|d| {
                let entries =
                    d.pointer_mut(&format!("{split}/entries")).unwrap().as_array_mut().unwrap();
                entries[1]["revision_id"] = entries[0]["revision_id"].clone();
            }),
        ),
        (
            "a revision twice in the list",
            with(&|d| {
                let list = d["deployments"][0]["revisions"].as_array_mut().unwrap();
                let again = list[0].clone();
                list.push(again);
            }),
        ),
        (
            "an artifact that climbs out",
            with(&|d| d["deployments"][0]["revisions"][0]["artifact"] = json!("../../etc/passwd")),
        ),
        (
            "an absolute artifact",
            with(&|d| d["deployments"][0]["revisions"][0]["artifact"] = json!("/etc/passwd")),
        ),
        (
            "an artifact behind a link",
            with(&|d| d["deployments"][0]["revisions"][0]["artifact"] = json!("link/passwd")),
        ),
        (
            "a revision that is not ready",
            with(&|d| d["deployments"][0]["revisions"][0]["lifecycle"] = json!("draining")),
        ),
        ("an unknown field", with(&|d| d["surprise"] = json!(1))),
        ("half a document", good.to_string()[..200].to_owned()),
        ("nothing", String::new()),
    ]
}

#[test]
fn a_broken_document_is_refused_while_the_last_good_one_serves() {
    let (world, bundles) = World::with_bundles();
    let (id, [r1, _]) = world.deployed(&bundles, "hello.test", "/");
    world.set(&id, &["r1=99", "r2=1"]);
    let folder = world.gtc.store_root().join("local");
    let file = folder.join("runtime-config.json");
    world.op("env render", &["local", "--output", file.to_str().unwrap()]);
    std::os::unix::fs::symlink("/etc", folder.join("link")).unwrap();
    let good: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let serving = world.gtc.start(&["--config", file.to_str().unwrap()]).unwrap();
    let prober = Prober::start(&serving.address, "hello.test", "/").unwrap();
    for (what, text) in broken(&good) {
        replace(&file, &text);
        let now = wait_for(&folder, what, |status| !status["problem"].is_null());
        let message = now["problem"]["message"].as_str().unwrap();
        assert!(!message.is_empty(), "{what}");
        let mut connection = Connection::open(&serving.address).unwrap();
        assert_eq!(connection.get("hello.test", "/").unwrap().status, 200, "{what}");
        replace(&file, &good.to_string());
        wait_for(&folder, what, |status| status["problem"].is_null());
    }
    let (answered, failed) = prober.stop().unwrap();
    assert_eq!(failed, 0, "of {answered}");
    let mut all_on_one = good.clone();
    all_on_one["deployments"][0]["split"]["generation"] = json!(9);
    all_on_one["deployments"][0]["split"]["entries"] =
        json!([{"revision_id": r1, "weight_bps": 10_000}]);
    all_on_one["deployments"][0]["split"]["slots"] =
        json!([{"revision_id": r1, "slots": 10_000, "since": 9}]);
    replace(&file, &all_on_one.to_string());
    let prober = Prober::start(&serving.address, "hello.test", "/").unwrap();
    prober.obeys(9).unwrap();
    prober.stop().unwrap();
    serving.stop().unwrap();
}
