//! What an operator can look up and take back a year later: the audit log, and backups.

use serde_json::{Value, json};

use crate::world::World;

fn rolled_out() -> World {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.localhost", "/");
    world.set(&id, &["r1=99", "r2=1"]);
    world
}

fn events(world: &World, words: &[&str]) -> Vec<String> {
    let listed = world.op("audit list", &[&["local"], words].concat());
    let events = listed["events"].as_array().unwrap().iter();
    events.map(|e| format!("{} {}", e["noun"], e["verb"]).replace('"', "")).collect()
}

#[test]
fn the_audit_log_answers_who_did_what() {
    let world = rolled_out();
    world.refused(&["op", "revisions", "drain", "r1"], "");
    assert_eq!(events(&world, &["--limit", "2"]), ["revisions drain", "traffic set"]);
    assert_eq!(events(&world, &["--outcome", "refused"]), ["revisions drain"]);
    assert_eq!(events(&world, &["--noun", "traffic"]), ["traffic set"]);
    assert_eq!(events(&world, &["--oldest-first", "--limit", "1"]), ["env init"]);
    assert_eq!(events(&world, &["--since", "1h"]).len(), 8);
    assert_eq!(events(&world, &["--until", "1h"]).len(), 0);
    assert_eq!(events(&world, &["--actor", "nobody-of-this-name"]).len(), 0);
}

#[test]
fn a_log_that_was_touched_is_not_whole() {
    let world = rolled_out();
    assert_eq!(world.op("audit verify", &[])["problems"], json!([]));
    let log = world.gtc.store_root().join("local/audit/events.jsonl");
    let whole = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let joined = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    for (touched, what) in [
        (whole.replacen("\"warm\"", "\"stage\"", 1), "changed"),
        (joined(&[&lines[..2], &lines[3..]].concat()), "removed"),
        (joined(&swapped), "moved"),
        (joined(&[&lines[..3], &lines[2..]].concat()), "inserted"),
        (joined(&lines[..lines.len() - 1]), "cut off"),
    ] {
        std::fs::write(&log, touched).unwrap();
        let (code, said) = world.refused(&["op", "audit", "verify"], "");
        assert_eq!((code, &said["error"]["kind"]), (7, &json!("unhealthy")), "{what}");
    }
}

#[test]
fn a_backup_brings_everything_back_here_and_elsewhere_it_is_refused_without_a_policy() {
    let world = rolled_out();
    let made = world.op("backups create", &[]);
    let id = made["backup_id"].as_str().unwrap();
    let before = world.op("traffic show", &[]);
    world.op("traffic clear", &[]);
    world.op("bundles remove", &["hello"]);
    assert_eq!(world.op("bundles list", &[])["deployments"], json!([]));
    let rehearsed = world.op("backups restore", &["--backup", id, "--dry-run"]);
    assert_eq!(rehearsed["dry_run"], true);
    assert_eq!(world.op("bundles list", &[])["deployments"], json!([]));
    world.op("backups restore", &["--backup", id]);
    let after = world.op("traffic show", &[]);
    assert_eq!(after["entries"], before["entries"]);
    assert!(after["generation"].as_u64() > before["generation"].as_u64(), "nothing goes back");
    let serving = world.gtc.start(&[]).unwrap();
    let mut connection = harness::Connection::open(&serving.address).unwrap();
    assert_eq!(connection.get("hello.localhost", "/").unwrap().status, 200);
    let file = world.gtc.store_root().join("local").join(made["file"].as_str().unwrap());
    let file = file.to_str().unwrap();
    let elsewhere = ["op", "backups", "restore", "prod-eu", "--file", file, "--from", "local"];
    let (code, _) = world.refused(&elsewhere, "");
    assert_eq!(code, 5);
    let mut bytes = std::fs::read(file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(file, bytes).unwrap();
    let (code, said) = world.refused(&["op", "backups", "restore", "--file", file], "");
    assert_ne!(code, 0, "{said}");
    assert_eq!(world.op("audit verify", &[])["problems"], Value::Array(Vec::new()));
}

#[test]
fn old_backups_and_revisions_go_when_they_are_told_to_and_a_dry_run_says_which() {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.localhost", "/");
    world.set(&id, &["r2=100"]);
    let made: Vec<Value> = (0..3).map(|_| world.op("backups create", &[])).collect();
    let file = |backup: &Value| {
        world.gtc.store_root().join("local").join(backup["file"].as_str().unwrap())
    };
    let would = world.op("backups prune", &["--keep", "1", "--dry-run"]);
    assert_eq!(would["result"]["removed"].as_array().unwrap().len(), 2);
    assert!(made.iter().all(|backup| file(backup).exists()));
    let did = world.op("backups prune", &["local", "--keep", "1"]);
    assert_eq!((&did, did["kept"].as_u64()), (&would["result"], Some(1)));
    let left: Vec<bool> = made.iter().map(|backup| file(backup).exists()).collect();
    assert_eq!(left, [false, false, true]);
    assert_eq!(world.op("backups list", &[])["backups"].as_array().unwrap().len(), 1);

    world.op("revisions archive", &["r1"]);
    let pruned = world.op("revisions prune", &["--keep", "0", "--older-than-days", "0"]);
    assert_eq!(pruned["revisions"][0]["sequence"], 1);
    assert_eq!(world.op("revisions list", &[])["revisions"].as_array().unwrap().len(), 1);
    let audit = world.op("audit prune", &["--keep", "0"]);
    assert_eq!(audit, json!({"removed": [], "kept": 0}));
    assert_eq!(events(&world, &["--limit", "2"]), ["revisions prune", "revisions archive"]);
    assert_eq!(world.op("audit verify", &[])["problems"], json!([]));
}

#[test]
fn a_secret_whose_sealed_value_is_gone_is_named_by_a_restore() {
    let world = World::new();
    world.op("env init", &[]);
    for name in ["a/kept", "a/gone"] {
        let put = ["op", "secrets", "put", name];
        assert_eq!(world.gtc.end(&put, name.as_bytes()).unwrap().code, 0);
    }
    let made = world.op("backups create", &[]);
    world.op("secrets delete", &["a/gone"]);
    let id = made["backup_id"].as_str().unwrap();
    let restored = world.op("backups restore", &["--backup", id]);
    assert_eq!(restored["missing_secrets"], json!(["secret://local/a/gone"]));
    assert_eq!(world.op("secrets list", &[])["secrets"][0]["path"], "a/kept");
}
