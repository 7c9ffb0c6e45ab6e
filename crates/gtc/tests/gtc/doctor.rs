//! `env doctor`: what is wrong is named, with the command that mends it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::world::World;

fn rolled_out() -> (World, PathBuf) {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "hello.localhost", "/");
    world.set(&id, &["r1=100"]);
    let folder = world.gtc.store_root().join("local");
    (world, folder)
}

#[test]
fn a_sound_environment_is_healthy_although_an_optional_slot_is_empty() {
    let (world, _) = rolled_out();
    let diagnosis = world.op("env doctor", &["local"]);
    assert_eq!(diagnosis["healthy"], true);
    assert_eq!(diagnosis["validate"], json!({"status": "ok", "problems": []}));
    assert_eq!(diagnosis["missing_slots"], json!(["revocation"]));
    for nothing in ["unknown_kinds", "slot_mismatches", "version_skew", "leaks", "findings"] {
        assert_eq!(diagnosis[nothing], json!([]), "{nothing}");
    }
    assert_eq!(diagnosis["secrets"], json!({"missing": [], "lost": []}));
    let all = world.gtc.run(&["doctor"]).unwrap();
    assert_eq!(all["environments"][0]["environment_id"], "local");
}

/// The finding of this check, once `hurt` was done to a sound environment.
fn found(check: &str, hurt: impl FnOnce(&World, &Path)) -> Value {
    let (world, folder) = rolled_out();
    hurt(&world, &folder);
    let (code, said) = world.refused(&["op", "env", "doctor"], "");
    assert_eq!((code, &said["error"]["kind"]), (7, &json!("unhealthy")), "{check}");
    let findings = said["error"]["details"]["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("{check}: {said}")).clone()
}

fn first(folder: &Path) -> PathBuf {
    let mut inside: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inside.sort();
    inside[0].clone()
}

#[test]
fn a_file_that_others_can_read_is_found() {
    let finding = found("permissions", |_, folder| {
        let file = folder.join("environment.json");
        fs::set_permissions(file, Permissions::from_mode(0o644)).unwrap();
    });
    assert!(finding["mend"].as_str().unwrap().starts_with("chmod 0600 "), "{finding}");
}

#[test]
fn a_record_that_cannot_be_read_is_found() {
    let finding = found("records", |_, folder| {
        let file = first(&first(&folder.join("revisions")));
        fs::write(&file, "{half a rec").unwrap();
    });
    assert!(finding["message"].as_str().unwrap().contains("revisions/"), "{finding}");
}

#[test]
fn records_that_contradict_each_other_are_found() {
    let finding = found("records", |_, folder| {
        fs::remove_file(first(&folder.join("index/routes"))).unwrap();
    });
    assert!(finding["message"].as_str().unwrap().contains("without claiming it"), "{finding}");
}

#[test]
fn a_bundle_that_is_gone_is_found() {
    found("artifacts", |_, folder| {
        for entry in fs::read_dir(folder.join("artifacts/sha256")).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
    });
}

#[test]
fn a_log_that_was_touched_is_found() {
    found("audit", |_, folder| {
        let log = folder.join("audit/events.jsonl");
        let text = fs::read_to_string(&log).unwrap();
        fs::write(&log, text.replacen("warm", "worm", 1)).unwrap();
    });
}

#[test]
fn the_value_of_a_secret_outside_its_slot_is_found_and_not_told() {
    let value = "correct-horse-battery";
    let finding = found("leaks", |world, _| {
        let put = ["op", "secrets", "put", "hello/key"];
        assert_eq!(world.gtc.end(&put, value.as_bytes()).unwrap().code, 0);
        world.op("config", &["set", &format!("note={value}")]);
        // A revision may still run with what was there before.
        assert_eq!(world.gtc.end(&put, b"another-value-entirely").unwrap().code, 0);
    });
    assert!(finding["message"].as_str().unwrap().contains("`hello/key`"), "{finding}");
    assert!(!finding.to_string().contains(value), "{finding}");
}

#[test]
fn a_required_slot_that_is_empty_is_found() {
    found("slots", |_, folder| {
        let file = folder.join("environment.json");
        let mut record: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let bindings = record["bindings"].as_array_mut().unwrap();
        bindings.retain(|binding| binding["slot"] != "state");
        fs::write(&file, record.to_string()).unwrap();
    });
}

#[test]
fn a_stray_file_is_a_warning_and_breaks_nothing() {
    let (world, folder) = rolled_out();
    fs::write(folder.join("deployments/notes.json"), "{}").unwrap();
    let stray = folder.join("deployments/notes.json");
    fs::set_permissions(&stray, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(world.op("bundles list", &[])["deployments"].as_array().unwrap().len(), 1);
    let diagnosis = world.op("env doctor", &[]);
    assert_eq!(diagnosis["healthy"], true);
    assert_eq!(diagnosis["findings"][0]["check"], "strays");
}
