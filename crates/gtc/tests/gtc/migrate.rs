//! What an older install left: the name `dev`, and its state tree.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::world::World;

/// `local`, beside what an older install left.
fn old() -> World {
    let world = World::new();
    world.op("env init", &[]);
    for (file, text) in [
        ("config.toml", "# mine\nenv_id = \"dev\"\n"),
        ("answers/hello.yaml", "env: dev # the laptop\nregion: development\n"),
        ("notes/README.txt", "deploy to dev with --env dev\n"),
        ("state/deploy/aws/acme/dev/plan.json", "{}"),
    ] {
        write(&world, file, text);
    }
    world
}

fn write(world: &World, file: &str, text: &str) {
    let path = world.folder.path().join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn read(world: &World, file: &str) -> String {
    std::fs::read_to_string(world.folder.path().join(file)).unwrap()
}

fn run(world: &World, words: &[&str], variable: Option<&str>) -> (Output, String) {
    let mut command = world.gtc.command(words);
    if let Some(value) = variable {
        command.env("GREENTIC_DISABLE_DEV_ALIAS", value);
    }
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    (output, told)
}

#[test]
fn what_is_safe_is_rewritten_and_the_rest_goes_on_by_an_alias_that_warns_once() {
    let world = old();
    let found = world.op("env migrate-dev", &["local", "--check"]);
    assert_eq!((&found["from_env"], &found["to_env"]), (&json!("dev"), &json!("local")));
    assert_eq!(found["clean"], false);
    assert_eq!(read(&world, "config.toml"), "# mine\nenv_id = \"dev\"\n", "nothing is changed");
    let (unknown, _) = run(&world, &["op", "env", "show", "dev"], None);
    assert_eq!(unknown.status.code(), Some(3));

    world.op("env migrate-dev", &["local"]);
    assert_eq!(read(&world, "config.toml"), "# mine\nenv_id = \"local\"\n");
    assert_eq!(
        read(&world, "answers/hello.yaml"),
        "env: local # the laptop\nregion: development\n"
    );
    let again = world.op("env migrate-dev", &["local", "--check"]);
    assert_eq!(again["rewrite_count"], 0);

    let (shown, told) = run(&world, &["op", "env", "show", "dev"], None);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["result"]["environment"]["environment_id"], "local");
    assert_eq!(told.matches("warning:").count(), 1, "{told}");
    let set = ["op", "config", "set", "dev", "a=1"];
    let (done, told) = run(&world, &set, None);
    assert!(done.status.success(), "{told}");
    assert_eq!(told.matches("warning:").count(), 1, "{told}");
    let (refused, told) = run(&world, &set, Some("1"));
    assert_eq!(refused.status.code(), Some(5));
    assert!(told.contains("type `local` instead"), "{told}");
}

#[test]
fn the_state_tree_moves_once_and_a_leftover_stops_it_before_anything_moves() {
    let world = old();
    let there = world.folder.path().join("state/deploy/aws/acme/dev/plan.json");
    let stray = world.folder.path().join("state/deploy/aws/stray.txt");
    std::fs::write(&stray, "?").unwrap();
    let (code, said) = world.refused(&["op", "env", "migrate-state", "local"], "");
    assert_eq!(code, 5, "{said}");
    assert!(said.to_string().contains("stray.txt"), "{said}");
    assert!(there.exists());
    std::fs::remove_file(&stray).unwrap();
    world.op("env migrate-state", &["local", "--check"]);
    assert!(there.exists(), "a check moves nothing");
    world.op("env migrate-state", &["local"]);
    assert!(!there.exists());
    let moved = world.gtc.store_root().join("local/legacy/aws/acme");
    assert!(holds(&moved, "plan.json"), "{}", moved.display());
    world.op("env migrate-state", &["local"]);
    assert_eq!(world.op("audit verify", &[])["problems"], json!([]));
}

fn holds(folder: &Path, name: &str) -> bool {
    std::fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| {
        entry.file_name() == name || entry.path().is_dir() && holds(&entry.path(), name)
    })
}

#[test]
fn configuration_at_the_old_place_is_shown_and_pinned_below_what_is_set_since() {
    let (world, [bundle, _]) = World::with_bundles();
    world.op("bundles add", &["hello"]);
    write(
        &world,
        "state/pack-configs/hello.json",
        &serde_json::to_string(&json!({
            "schema": "greentic.pack-config-input.v1", "env_id": "dev", "bundle_id": "hello",
            "non_secret": {"greeting": "Of old", "retries": 4},
        }))
        .unwrap(),
    );
    world.op("config set", &["retries=5", "--deployment", "hello"]);
    let words = ["op", "config", "show", "local", "--deployment", "hello"];
    let ended = world.gtc.end(&words, b"").unwrap();
    assert_eq!(ended.stderr.matches("an older install kept it").count(), 1, "{}", ended.stderr);
    let shown: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(shown["result"]["values"][0]["origin"], "legacy", "{shown}");
    assert_eq!(shown["result"]["values"][0]["value"], "Of old");
    assert_eq!(shown["result"]["values"][1]["origin"], "deployment", "{shown}");
    let staged = world.op("revisions stage", &["local", &bundle, "--deployment", "hello"]);
    let revision = world.op("revisions show", &["local", staged["revision_id"].as_str().unwrap()]);
    let config = &revision["revision"]["config"];
    assert_eq!(
        (&config["greeting"], &config["retries"]),
        (&json!("Of old"), &json!(5)),
        "{revision}"
    );
}
