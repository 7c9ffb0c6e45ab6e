//! Files that somebody or something spoiled.

use control::{Key, View as _};
use deploy_spec::{Fault, Kind, document};
use serde_json::Value;
use store::EnvironmentStore;

use crate::real::{files, folder, store_in};
use crate::world::{Scene, events, holder, same};

/// Two deployments; the first has been changed often enough to have before-images.
fn scene(folder: &std::path::Path) -> Scene {
    let mut scene = Scene::serving(store_in(folder));
    scene.turn("again");
    scene.deploy("other", "/other");
    scene.turn("other-again");
    scene
}

/// The file of each record, found by what is in it.
fn file_of(store: &EnvironmentStore, scene: &Scene, key: &Key) -> String {
    let record = document::to_line(&scene.memory.get(key).unwrap().unwrap());
    let state = files(store.folder()).into_iter().find(|(path, bytes)| {
        !path.starts_with("backups/") && path.ends_with(".json") && *bytes == record
    });
    state.unwrap_or_else(|| panic!("{key:?} has no file")).0
}

fn spoiled(good: &[u8], another: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let newer = String::from_utf8(good.to_vec()).unwrap().replacen(".v1\"", ".v2\"", 1);
    vec![
        ("garbage", b"\x00\xffgarbage".to_vec()),
        ("truncated", good[..good.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("another record", another.to_vec()),
        ("a newer schema", newer.into_bytes()),
    ]
}

#[test]
fn a_spoiled_record_is_named_and_the_others_stay_readable() {
    let folder = folder();
    let scene = scene(folder.path());
    let store = &scene.store;
    let keys: Vec<&Key> = scene.memory.records().keys().collect();
    for key in &keys {
        let path = file_of(store, &scene, key);
        let file = store.folder().join(&path);
        let good = std::fs::read(&file).unwrap();
        let another = if path == "environment.json" { "deployments" } else { "environment.json" };
        let another = files(store.folder()).into_iter().find(|(p, _)| p.starts_with(another));
        for (what, bytes) in spoiled(&good, &another.unwrap().1) {
            std::fs::write(&file, bytes).unwrap();
            let before = files(store.folder());
            let context = format!("{what} in {path}");
            let view = store.read().unwrap();
            let fault = view.get(key).expect_err(&context);
            assert_eq!(fault.kind, Kind::Unavailable, "{context}");
            assert_eq!(fault.details["path"], path, "{context}");
            assert!(fault.message.contains(&path), "{context}: {fault}");
            if what == "a newer schema" {
                assert!(fault.message.contains("a newer gtc wrote it"), "{context}: {fault}");
                assert!(!fault.details.contains_key("backup"), "{context}: {fault}");
            } else {
                assert_backup(store, &path, &fault, &context);
            }
            for other in keys.iter().filter(|other| *other != key) {
                let found = view.get(other).unwrap_or_else(|f| panic!("{context}: {f}"));
                assert_eq!(found, scene.memory.get(other).unwrap(), "{context}");
            }
            drop(view);
            assert!(files(store.folder()) == before, "{context}: reading has changed something");
        }
        std::fs::write(&file, good).unwrap();
    }
    same(&store.read().unwrap(), &scene.memory, &scene.memory).unwrap();
}

fn assert_backup(store: &EnvironmentStore, path: &str, fault: &Fault, context: &str) {
    let below = format!("backups/{path}/");
    let newest = files(store.folder()).into_keys().rfind(|name| name.starts_with(&below));
    let named = fault.details.get("backup").and_then(Value::as_str);
    assert_eq!(named, newest.as_deref(), "{context}");
    assert!(fault.hint.is_some(), "{context}");
}

#[test]
fn a_command_that_meets_a_spoiled_record_changes_no_record() {
    let folder = folder();
    let mut scene = scene(folder.path());
    let key = scene.memory.records().keys().rfind(|key| matches!(key, Key::Deployment(_))).unwrap();
    let path = file_of(&scene.store, &scene, key);
    std::fs::write(scene.store.folder().join(&path), "{}").unwrap();
    let records = |store: &EnvironmentStore| {
        let mut files = files(store.folder());
        files.retain(|path, _| !path.starts_with("audit/") && path != ".lock");
        files
    };
    let before = records(&scene.store);
    let of = crate::world::newest_deployment(&scene.memory);
    let fault = scene.world.clear(of, "clear").run(&scene.store).unwrap_err();
    assert_eq!((fault.kind, &fault.details["path"]), (Kind::Unavailable, &Value::from(path)));
    assert!(records(&scene.store) == before);
    scene.world.add("third", "/third", "third").run(&scene.store).unwrap();
}

#[test]
fn a_spoiled_journal_is_named_and_other_environments_work() {
    let folder = folder();
    let scene = scene(folder.path());
    let store = &scene.store;
    let newest = files(&store.folder().join("commits")).into_iter().next_back().unwrap();
    let next = format!("journal/{:020}.json", scene.memory.sequence() + 1);
    for (what, bytes) in spoiled(&newest.1, b"{}") {
        std::fs::write(store.folder().join(&next), bytes).unwrap();
        let before = files(store.folder());
        for fault in [store.read().err(), store.write(&holder()).err()] {
            let fault = fault.unwrap_or_else(|| panic!("{what} is taken for a commit"));
            assert_eq!(
                (fault.kind, &fault.details["path"]),
                (Kind::Unavailable, &Value::from(&*next))
            );
        }
        let mut after = files(store.folder());
        after.insert(".lock".into(), before[".lock"].clone());
        assert!(after == before, "{what}: something has changed");
    }
    // The newest commit under the wrong number.
    std::fs::write(store.folder().join(&next), &newest.1).unwrap();
    assert_eq!(store.read().err().unwrap().kind, Kind::Unavailable);
    let other = folder.path().join("environments/other");
    std::fs::create_dir(&other).unwrap();
    let other =
        store::Root::new(folder.path().join("environments")).environment(&"other".parse().unwrap());
    drop(other.write_new(&holder()).unwrap());
    assert_eq!(other.read().unwrap().sequence(), 0);
    std::fs::remove_file(store.folder().join(&next)).unwrap();
    same(&store.read().unwrap(), &scene.memory, &scene.memory).unwrap();
}

#[test]
fn a_record_of_a_newer_gtc_in_the_journal_is_named() {
    let folder = folder();
    let scene = scene(folder.path());
    let newest = files(&scene.store.folder().join("commits")).into_iter().next_back().unwrap();
    let text = String::from_utf8(newest.1).unwrap();
    let (now, next) = (scene.memory.sequence(), scene.memory.sequence() + 1);
    let text = text.replacen(&format!("\"sequence\":{now}"), &format!("\"sequence\":{next}"), 1);
    let text = text.replace("greentic.deployment.v1", "greentic.deployment.v2");
    let path = format!("journal/{next:020}.json");
    std::fs::write(scene.store.folder().join(&path), text).unwrap();
    let view = scene.store.read().unwrap();
    let of = crate::world::newest_deployment(&scene.memory);
    let fault = view.get(&Key::Deployment(of)).unwrap_err();
    assert_eq!((fault.kind, &fault.details["path"]), (Kind::Unavailable, &Value::from(path)));
    assert!(fault.message.contains("this gtc reads greentic.deployment.v1"), "{fault}");
}

#[test]
fn a_spoiled_end_of_the_audit_log_stops_writers_and_not_readers() {
    let folder = folder();
    let mut scene = scene(folder.path());
    let log = scene.store.folder().join("audit/events.jsonl");
    let good = std::fs::read(&log).unwrap();
    std::fs::write(&log, [&good, &b"{\"hash\":1}\n"[..]].concat()).unwrap();
    let fault = scene.world.add("third", "/third", "third").run(&scene.store).unwrap_err();
    let wanted = (Kind::Unavailable, &Value::from("audit/events.jsonl"));
    assert_eq!((fault.kind, &fault.details["path"]), wanted);
    assert!(fault.hint.unwrap().contains("audit verify"));
    same(&scene.store.read().unwrap(), &scene.memory, &scene.memory).unwrap();
    std::fs::write(&log, good).unwrap();
    scene.ask(|w, _| w.add("third", "/third", "third"));
}

#[test]
fn a_torn_end_of_the_audit_log_is_cut_off() {
    let folder = folder();
    let mut scene = scene(folder.path());
    let log = scene.store.folder().join("audit/events.jsonl");
    let line = "x".repeat(40_000);
    for (i, torn) in ["{\"schema\":", &line, "{\"a\":\0\0\0}\n", "\0"].into_iter().enumerate() {
        let good = std::fs::read(&log).unwrap();
        std::fs::write(&log, [&good, torn.as_bytes()].concat()).unwrap();
        scene.ask(|w, _| w.add("third", &format!("/third/{i}"), &format!("third-{i}")));
        let mended = std::fs::read(&log).unwrap();
        assert!(mended.starts_with(&good) && mended.ends_with(b"\n"), "{torn}");
        let sequence = usize::try_from(scene.memory.sequence()).unwrap();
        assert_eq!(events(Some(mended), torn).len(), sequence);
    }
    std::fs::write(&log, "{\"torn").unwrap();
    scene.ask(|w, _| w.add("third", "/fourth", "fourth"));
    // What was lost is not forgotten: the new line is chained to it.
    let problems = scene.store.audit_verify().unwrap().problems;
    assert!(problems[0].why.starts_with("it does not follow the line before it"), "{problems:?}");
    assert!(problems[1].why.ends_with("were removed from the end of the log"), "{problems:?}");
}
