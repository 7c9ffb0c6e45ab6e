//! What people type every day: each command is a composition of `gtc op` verbs, and says which.

use serde_json::{Value, json};

use crate::world::World;

fn steps(result: &Value) -> Vec<String> {
    let steps = result["steps"].as_array().unwrap().iter();
    steps.map(|step| step.as_str().unwrap().to_owned()).collect()
}

/// What a command names is what it does: typed by hand, its steps give the same state.
#[test]
fn a_deploy_names_its_steps_and_they_can_be_typed() {
    let world = World::new();
    let bundle = world.bundle("v1");
    let deploy = ["deploy", &bundle, "--host", "hello.localhost"];
    let explained = world.gtc.run(&[&deploy[..], &["--explain"]].concat()).unwrap();
    assert!(!world.gtc.store_root().exists(), "nothing is done");
    let named = steps(&explained);
    assert_eq!(
        named,
        [
            "gtc op env init".to_owned(),
            "gtc op bundles add local hello --host hello.localhost".to_owned(),
            format!("gtc op revisions stage local {bundle} --deployment hello"),
            "gtc op revisions warm local r1 --deployment hello".to_owned(),
            "gtc op traffic set local --deployment hello r1=100".to_owned(),
        ]
    );
    let done = world.gtc.run(&deploy).unwrap();
    assert_eq!(steps(&done), named);
    assert_eq!((&done["lifecycle"], &done["sequence"]), (&json!("ready"), &json!(1)));

    let by_hand = World::new();
    for step in &named {
        let words: Vec<&str> = step.split(' ').skip(1).collect();
        by_hand.gtc.run(&words).unwrap();
    }
    let shown = |world: &World| world.op("traffic show", &[])["entries"][0]["weight_bps"].clone();
    assert_eq!(shown(&world), shown(&by_hand));
}

#[test]
fn a_second_deploy_takes_no_traffic_until_it_is_given() {
    let world = World::new();
    let (v1, v2) = (world.bundle("v1"), world.bundle("v2"));
    world.gtc.run(&["deploy", &v1]).unwrap();
    let second = world.gtc.run(&["deploy", &v2]).unwrap();
    assert_eq!(second["sequence"], 2);
    let weights = |world: &World| {
        let shown = world.op("traffic show", &[]);
        let entries = shown["entries"].as_array().unwrap().iter();
        entries.map(|e| format!("r{}={}", e["sequence"], e["weight_bps"])).collect::<Vec<_>>()
    };
    assert_eq!(weights(&world), ["r1=10000"]);
    world.gtc.run(&["shift", "r2=5"]).unwrap();
    assert_eq!(weights(&world), ["r2=500", "r1=9500"]);
    world.gtc.run(&["deploy", &v1, "--to", "1"]).unwrap();
    assert_eq!(weights(&world), ["r3=100", "r1=9400", "r2=500"]);
    world.gtc.run(&["rollback"]).unwrap();
    assert_eq!(weights(&world), ["r2=500", "r1=9500"]);
}

#[test]
fn a_step_that_fails_is_named_and_the_steps_before_it_stand() {
    let world = World::new();
    let bundle = world.bundle("v1");
    world.gtc.run(&["deploy", &bundle]).unwrap();
    let (code, said) = world.refused(&["deploy", &bundle, "--to", "101"], "");
    assert_eq!((code, &said["error"]["kind"]), (2, &json!("invalid-input")));
    let (code, said) = world.refused(&["deploy", &world.file("nothing.gtbundle")], "");
    assert_eq!((code, &said["noun"], &said["op"]), (3, &json!("gtc"), &json!("deploy")));
    assert_eq!(world.op("bundles list", &[])["deployments"].as_array().unwrap().len(), 1);
}

#[test]
fn status_shows_what_serves_how_it_fares_and_who_changed_it() {
    let world = World::new();
    world.gtc.run(&["deploy", &world.bundle("v1"), "--host", "hello.localhost"]).unwrap();
    let before = world.gtc.run(&["status"]).unwrap();
    assert_eq!(before["data_plane"], "not-serving");
    assert_eq!(before["revisions"][0]["requests"], Value::Null);
    let serving = world.gtc.start(&[]).unwrap();
    let mut connection = harness::Connection::open(&serving.address).unwrap();
    for _ in 0..3 {
        assert_eq!(connection.get("hello.localhost", "/").unwrap().status, 200);
    }
    let shown = world.gtc.run(&["status"]).unwrap();
    assert_eq!(shown["data_plane"], "serving");
    assert_eq!(shown["addresses"][0], format!("http://{}", serving.address));
    let revision = &shown["revisions"][0];
    let counted = [&revision["requests"], &revision["errors"], &revision["weight_bps"]];
    assert_eq!(counted, [&json!(3), &json!(0), &json!(10_000)]);
    assert!(shown["deployments"][0]["changed_by"]["user"].is_string(), "{shown}");
    let url = world.gtc.run(&["open", "hello", "--no-browser"]).unwrap();
    let port = serving.address.rsplit(':').next().unwrap();
    assert_eq!(url, json!({"url": format!("http://hello.localhost:{port}/"), "opened": false}));
}

#[test]
fn manual_pages_know_every_verb() {
    let world = World::new();
    let pages = world.file("man");
    world.gtc.run(&["man", "--output", &pages]).unwrap();
    let page = std::fs::read_to_string(format!("{pages}/gtc-op-traffic-set.1")).unwrap();
    assert!(page.contains("gtc op traffic set r1=99 r2=1"), "{page}");
}
