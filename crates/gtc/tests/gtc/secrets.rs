//! Secrets and values: what a bundle needs is asked for all at once, and a secret stays one.

use std::path::Path;

use serde_json::{Value, json};

use crate::world::{World, example};

const VALUE: &str = "hunter2-of-the-test";

/// The example, with needs of its own.
pub(crate) fn needy(world: &World) -> String {
    let dir = world.folder.path().join("needy");
    let copied = std::process::Command::new("cp")
        .args(["-r", example().join("v1").to_str().unwrap(), dir.to_str().unwrap()])
        .status();
    assert!(copied.unwrap().success());
    let manifest = dir.join("bundle.yaml");
    let mut text = std::fs::read_to_string(&manifest).unwrap();
    text.push_str("config_schema: config.schema.json\nsecrets:\n");
    text.push_str("  - {name: api_key, required: true, description: \"the key\"}\n");
    text.push_str("  - {name: other_key, required: true, description: \"another\"}\n");
    text.push_str("  - {name: nice_to_have, required: false, description: \"a third\"}\n");
    std::fs::write(&manifest, text).unwrap();
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["retries"],
        "properties": {"retries": {"type": "integer", "default": 3}, "greeting": {"type": "string"}},
    });
    std::fs::write(dir.join("config.schema.json"), schema.to_string()).unwrap();
    let file = world.file("needy.gtbundle");
    world.gtc.run(&["bundle", "build", dir.to_str().unwrap(), "--output", &file]).unwrap();
    file
}

fn staged() -> World {
    let world = World::new();
    world.op("env init", &[]);
    let bundle = needy(&world);
    world.op("bundles add", &["hello"]);
    world.op("revisions stage", &[&bundle]);
    world
}

pub(crate) fn put(world: &World, path: &str, value: &str, more: &[&str]) -> Result<Value, Value> {
    let words = [&["op", "secrets", "put", path], more].concat();
    let ended = world.gtc.end(&words, value.as_bytes()).unwrap();
    let text = if ended.code == 0 { &ended.stdout } else { &ended.stderr };
    let envelope: Value = serde_json::from_str(text).unwrap();
    if ended.code == 0 { Ok(envelope["result"].clone()) } else { Err(envelope["error"].clone()) }
}

/// Every file below `folder` in which `needle` stands.
pub(crate) fn files_with(folder: &Path, needle: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[test]
fn what_a_bundle_needs_is_asked_for_all_at_once_and_then_it_is_ready() {
    let world = staged();
    let (code, said) = world.refused(&["op", "revisions", "warm", "r1"], "");
    assert_eq!(code, 7);
    let gate = said["error"]["details"]["gate"].as_array().unwrap();
    let secrets = gate.iter().find(|check| check["check"] == "secrets").unwrap();
    let detail = secrets["detail"].as_str().unwrap();
    assert!(detail.contains("hello/api_key, hello/other_key"), "{detail}");
    assert!(!detail.contains("nice_to_have"), "{detail}");
    put(&world, "hello/api_key", VALUE, &[]).unwrap();
    put(&world, "hello/other_key", "x", &[]).unwrap();
    world.op("revisions retry", &["r1"]);
    assert_eq!(world.op("revisions warm", &["r1"])["lifecycle"], "ready");
    world.op("traffic set", &["r1=100"]);
    let serving = world.gtc.start(&[]).unwrap();
    let mut connection = harness::Connection::open(&serving.address).unwrap();
    assert_eq!(connection.get("any.test", "/").unwrap().status, 200);
    let mut vault =
        |key: &str| connection.ask("any.test", "/vault", &format!("x-api-key: {key}\r\n"));
    let answers = [VALUE, "x", ""].map(&mut vault).map(|answer| answer.unwrap().status);
    assert_eq!(answers, [200, 403, 403], "the workload reads the secret that it declares");
    let config = world.op("env render", &["local", "--output", &world.file("config.json")]);
    assert_eq!(config["deployment_count"], 1);
    assert_eq!(files_with(world.folder.path(), VALUE), Vec::<String>::new());
}

#[test]
fn a_value_is_listed_by_name_got_by_those_who_ask_and_gone_when_deleted() {
    let world = World::new();
    world.op("env init", &[]);
    assert_eq!(put(&world, "a/key", VALUE, &[]).unwrap()["version"], 1);
    assert_eq!(put(&world, "a/key", VALUE, &[]).unwrap()["version"], 1, "it is the same");
    assert_eq!(put(&world, "a/key", "another", &[]).unwrap()["version"], 2);
    let listed = world.op("secrets list", &[]);
    assert_eq!(listed["secrets"][0]["path"], "a/key");
    assert_eq!(listed["secrets"][0]["version"], 2);
    let (code, _) = world.refused(&["op", "secrets", "get", "a/key"], "");
    assert_eq!(code, 5, "nobody looks at a terminal");
    let got = world.gtc.end(&["op", "secrets", "get", "a/key", "--reveal"], b"").unwrap();
    assert_eq!(got.stdout, "another");
    let values = world.gtc.store_root().join("local/secrets/values");
    assert_eq!(std::fs::read_dir(&values).unwrap().count(), 2);
    world.op("secrets delete", &["a/key"]);
    assert_eq!(std::fs::read_dir(&values).unwrap().count(), 0);
    let (code, _) = world.refused(&["op", "secrets", "get", "a/key", "--reveal"], "");
    assert_eq!(code, 3);
}

#[test]
fn the_same_key_with_another_value_is_a_conflict() {
    let world = World::new();
    world.op("env init", &[]);
    let key = ["--idempotency-key", "once"];
    let first = put(&world, "a/key", VALUE, &key).unwrap();
    assert_eq!(put(&world, "a/key", VALUE, &key).unwrap(), first);
    assert_eq!(put(&world, "a/key", "another", &key).unwrap_err()["kind"], "conflict");
    let values = world.gtc.store_root().join("local/secrets/values");
    assert_eq!(std::fs::read_dir(&values).unwrap().count(), 1, "what was refused is not kept");
}

#[test]
fn a_secret_never_comes_as_an_argument_and_an_empty_one_not_at_all() {
    let world = World::new();
    world.op("env init", &[]);
    assert_eq!(put(&world, "a/key", "", &[]).unwrap_err()["kind"], "invalid-input");
    let unset = ["--from-env", "GTC_TEST_IS_NOT_SET"];
    assert_eq!(put(&world, "a/key", "", &unset).unwrap_err()["kind"], "invalid-input");
    let file = world.file("key.txt");
    std::fs::write(&file, VALUE).unwrap();
    let open = put(&world, "a/key", "", &["--from-file", &file]).unwrap_err();
    assert_eq!(open["hint"], format!("chmod 600 {file}"));
    assert_eq!(world.op("secrets list", &[])["secrets"], json!([]));
}

#[test]
fn values_are_typed_by_the_bundle_and_show_their_layer() {
    let world = staged();
    let set = ["op", "config", "set", "--deployment", "hello", "retries=many", "unknown=1"];
    let (code, said) = world.refused(&set, "");
    assert_eq!(code, 2);
    let problems = said["error"]["details"]["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 2, "all at once: {said}");
    world.op("config set", &["greeting=hi"]);
    world.op("config set", &["--deployment", "hello", "retries=5"]);
    let shown = world.op("config show", &["local", "--deployment", "hello"]);
    let told: Vec<String> = shown["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| format!("{}={} {}", v["name"], v["value"], v["origin"]).replace('"', ""))
        .collect();
    assert_eq!(told, ["greeting=hi environment", "retries=5 deployment"]);
    world.op("config unset", &["retries", "--deployment", "hello"]);
    let shown = world.op("config show", &["local", "--deployment", "hello"]);
    assert_eq!(shown["values"][1], json!({"name": "retries", "value": 3, "origin": "bundle"}));
}
