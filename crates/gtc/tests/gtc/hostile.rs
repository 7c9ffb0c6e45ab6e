//! What people and machines may throw at the command line: each a clear error, and nothing lost.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::world::World;

/// The store as it is, file by file.
fn state(world: &World) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![world.gtc.store_root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with(".lock") && !path.ends_with("events.jsonl") {
                let bytes = std::fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn documents_that_are_too_large_or_no_text_are_refused() {
    let world = World::new();
    world.op("env init", &[]);
    let before = state(&world);
    let large = world.file("large.json");
    std::fs::write(&large, vec![b' '; 10 << 20]).unwrap();
    let binary = world.file("binary.json");
    std::fs::write(&binary, b"{\"bundle_id\": \"\xff\"}").unwrap();
    for (file, word) in [(&large, "larger than"), (&binary, "UTF-8")] {
        let (code, said) = world.refused(&["op", "bundles", "add", "--answers", file], "");
        assert_eq!((code, &said["error"]["kind"]), (2, &json!("invalid-input")));
        assert!(said["error"]["message"].as_str().unwrap().contains(word), "{said}");
    }
    assert_eq!(state(&world), before);
}

#[test]
fn names_that_are_no_names_are_refused_and_no_folder_is_left_of_them() {
    let world = World::new();
    world.op("env init", &[]);
    let long = "a".repeat(300);
    for name in ["../x", "..", "a/b", "a b", "a\nb", "\u{1b}[31mred", "Ünï", "", "-x", &long] {
        for words in [
            vec!["op", "env", "show", "--", name],
            vec!["op", "env", "create", "--", name],
            vec!["op", "bundles", "add", "--", name],
        ] {
            let (code, said) = world.refused(&words, "");
            assert_eq!(code, 2, "{words:?}: {said}");
            assert!(!said.to_string().contains('\u{1b}'), "{said}");
        }
    }
    let kept: Vec<_> = std::fs::read_dir(world.gtc.store_root()).unwrap().collect();
    assert_eq!(kept.len(), 1);
}

/// The account that asks is another than the one that owns the store.
#[test]
fn a_store_of_somebody_else_is_named_and_left_as_it_is() {
    let world = World::new();
    world.op("env init", &[]);
    std::fs::set_permissions(world.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let before = state(&world);
    let gtc = world.gtc.command(&["op", "config", "set", "a=1"]);
    let words: Vec<&str> = gtc.get_args().map(|word| word.to_str().unwrap()).collect();
    // The binary may lie where only its owner may look; anybody may read this copy.
    let copy = world.file("gtc");
    std::fs::copy(gtc.get_program(), &copy).unwrap();
    std::fs::set_permissions(&copy, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--", &copy]);
    let output = command.args(words).output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said["error"]["message"].as_str().unwrap().contains("Permission denied"), "{said}");
    assert_eq!(state(&world), before);
}

#[test]
fn one_environment_that_is_not_sound_hides_no_other_from_the_doctor() {
    let world = World::new();
    world.op("env init", &[]);
    let grant = world.gtc.store_root().join("policy.cedar");
    std::fs::write(&grant, "permit (principal, action, resource);").unwrap();
    std::fs::set_permissions(&grant, PermissionsExt::from_mode(0o600)).unwrap();
    world.op("env create", &["staging", "--name", "Staging"]);
    let record = world.gtc.store_root().join("local/environment.json");
    std::fs::write(&record, "{").unwrap();
    let (_, said) = world.refused(&["doctor"], "");
    let told = said["error"]["details"]["environments"].as_array().unwrap();
    let healthy: Vec<_> =
        told.iter().map(|it| (it["environment_id"].clone(), it["healthy"].clone())).collect();
    assert_eq!(healthy[0], (json!("local"), json!(false)));
    assert_eq!(healthy[1].0, "staging");
}
