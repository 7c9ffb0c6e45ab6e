//! What the data plane logged and workloads printed can be read later, and followed.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::world::World;

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn what_a_workload_printed_is_kept_under_its_revision_and_can_be_followed() {
    let (world, bundles) = World::with_bundles();
    let (_, [first, second]) = world.deployed(&bundles, "hello.localhost", "/");
    let (code, said) = world.refused(&["logs"], "");
    assert_eq!((code, said["error"]["kind"].as_str()), (3, Some("not-found")));
    world.op("traffic set", &["r1=100"]);
    let serving = world.gtc.start(&["--log", "info"]).unwrap();
    let mut connection = harness::Connection::open(&serving.address).unwrap();
    connection.ask("hello.localhost", "/say?one", "").unwrap();
    connection.ask("hello.localhost", "/say?two", "").unwrap();

    let mut follower = world
        .gtc
        .command(&["logs", "r1", "--follow", "--lines", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut followed = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&followed.next().unwrap().unwrap()).unwrap();
    let line = next();
    assert_eq!(
        (line["message"].as_str(), line["revision"].as_str(), line["pack"].as_str()),
        (Some("two"), Some(first.as_str()), Some("web"))
    );
    connection.ask("hello.localhost", "/say?three", "").unwrap();
    assert_eq!(next()["message"], "three");
    follower.kill().unwrap();
    follower.wait().unwrap();
    serving.stop().unwrap();

    let told = world.gtc.end(&["logs", "--deployment", "hello"], b"").unwrap();
    let told = lines(&told.stdout);
    let messages: Vec<&str> = told.iter().filter_map(|line| line["message"].as_str()).collect();
    assert_eq!(messages, ["one", "two", "three"]);
    let of_second = world.gtc.end(&["logs", &second], b"").unwrap();
    assert_eq!(of_second.stdout, "");
    let grave = world.gtc.end(&["logs", "--level", "error"], b"").unwrap();
    assert_eq!(grave.stdout, "");
    let all = world.gtc.end(&["logs", "--since", "1h"], b"").unwrap();
    assert!(all.stdout.contains("stopped"), "{}", all.stdout);
    let table = world.gtc.end(&["logs", "r1", "-n", "1", "-o", "table"], b"").unwrap();
    assert!(table.stdout.contains("INFO  hello/r1 web: three"), "{}", table.stdout);
    let explained = world.gtc.run(&["logs", "--explain"]).unwrap();
    assert!(explained["steps"][0].as_str().unwrap().starts_with("tail -n 100 -F /"));
}
