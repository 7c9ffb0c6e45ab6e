//! What was used is noted for good: nothing of it counts twice, and only what a crash cuts off is lost.

use harness::Connection;
use serde_json::{Value, json};

use crate::world::World;

fn requests(world: &World) -> u64 {
    world.op("usage report", &["local"])["total"]["requests"].as_u64().unwrap()
}

fn ask(world: &World, times: u64) -> harness::Serving {
    let serving = world.gtc.start(&[]).unwrap();
    let mut connection = Connection::open(&serving.address).unwrap();
    for _ in 0..times {
        assert_eq!(connection.get("hello.test", "/").unwrap().status, 200);
    }
    serving
}

#[test]
fn requests_are_counted_once_however_the_process_ends() {
    let (world, bundles) = World::with_bundles();
    let (id, revisions) = world.deployed(&bundles, "hello.test", "/");
    world.set(&id, &["r1=100"]);
    assert_eq!(requests(&world), 0);
    // What was answered is noted at a stop, at once.
    ask(&world, 30).stop().unwrap();
    assert_eq!(requests(&world), 30);
    // Before a crash it is noted in time, and what comes after it is added.
    let serving = ask(&world, 20);
    while requests(&world) < 50 {}
    drop(serving);
    let serving = ask(&world, 5);
    while requests(&world) < 55 {}
    // What is gone was counted, and another customer pays from now on.
    world.op("bundles update", &["hello", "--customer", "other"]);
    world.set(&id, &["r2=100"]);
    world.op("revisions drain", &["r1"]);
    serving.stop().unwrap();
    ask(&world, 7).stop().unwrap();
    assert_eq!(requests(&world), 62);

    let rows = |by: &str| {
        let report = world.op("usage report", &["local", "--by", by]);
        report["rows"].as_array().unwrap().clone()
    };
    let [first, second] = &rows("revision")[..] else { panic!("{:#?}", rows("revision")) };
    assert_eq!((&first["revision_id"], &first["requests"]), (&json!(revisions[0]), &json!(55)));
    assert_eq!((&second["revision_id"], &second["requests"]), (&json!(revisions[1]), &json!(7)));
    assert!(first["time_us"].as_u64().unwrap() > 0 && first["errors"] == 0, "{first}");
    let customers = rows("customer");
    let counts: Vec<(&Value, &Value)> =
        customers.iter().map(|row| (&row["customer_id"], &row["requests"])).collect();
    assert_eq!(counts.iter().find(|row| *row.0 == "other").map(|row| row.1), Some(&json!(7)));

    // What is put beside it does not count, and what is put in another's place is named.
    let folder = world.gtc.store_root().join("local/usage");
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let files: Vec<_> = files.collect();
    for file in &files {
        std::fs::copy(file, file.with_extension("old.json")).unwrap();
    }
    assert_eq!(requests(&world), 62);
    std::fs::copy(&files[0], folder.join("2026-01-01.json")).unwrap();
    let words = ["op", "usage", "report", "--since", "2026-01-01T00:00:00Z"];
    let (code, said) = world.refused(&words, "");
    assert_eq!(code, 7, "{said}");

    let last_year = ["local", "--since", "2020-01-01T00:00:00Z", "--until", "2020-12-31T00:00:00Z"];
    assert_eq!(world.op("usage report", &last_year)["rows"], json!([]));
    let words = ["op", "usage", "report", "--since", "1d", "--until", "2d"];
    let (code, said) = world.refused(&words, "");
    assert_eq!(code, 2, "{said}");
}

#[test]
fn what_cannot_be_written_is_written_later() {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.test", "/");
    world.set(&id, &["r1=100"]);
    let usage = world.gtc.store_root().join("local/usage");
    std::fs::write(&usage, "in the way").unwrap();
    let serving = ask(&world, 9);
    let log = world.gtc.store_root().join("local/run/log/data-plane.jsonl");
    let is_told = || std::fs::read_to_string(&log).unwrap().contains("cannot be noted");
    while !is_told() {}
    std::fs::remove_file(&usage).unwrap();
    while requests(&world) < 9 {}
    serving.stop().unwrap();
    assert_eq!(requests(&world), 9);
}
