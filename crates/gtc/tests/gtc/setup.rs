//! Setting a bundle up: everything that it needs is asked, and what is secret stays secret.

use serde_json::{Value, json};

use crate::secrets::{files_with, needy};
use crate::world::World;

const KEY: &str = "sk-hunter2-of-setup";

/// A bundle that asks: a text, a number with a default, a choice, a secret; and that reads two
/// more secrets, which nobody asks for by name.
fn asking(world: &World) -> String {
    needy(world);
    let dir = world.folder.path().join("needy");
    let manifest = dir.join("bundle.yaml");
    let text = std::fs::read_to_string(&manifest).unwrap() + "setup: setup.yaml\n";
    std::fs::write(&manifest, text).unwrap();
    let setup = "schema: greentic.setup.v1
questions:
  - {name: greeting, kind: text, prompt: Which greeting?, pattern: '[a-z ]+'}
  - {name: retries, kind: number, prompt: How many retries?, default: 3, min: 0, max: 9}
  - {name: api_key, kind: secret, prompt: The key?, pattern: 'sk-.+', help: It begins with sk-}
";
    std::fs::write(dir.join("setup.yaml"), setup).unwrap();
    dir.to_str().unwrap().to_owned()
}

fn pointers(error: &Value) -> Vec<&str> {
    let problems = error["details"]["problems"].as_array().unwrap();
    problems.iter().map(|problem| problem["pointer"].as_str().unwrap()).collect()
}

#[test]
fn everything_that_is_missing_is_listed_at_once_and_nothing_is_made() {
    let world = World::new();
    let bundle = asking(&world);
    let (code, said) = world.refused(&["setup", &bundle, "--non-interactive"], "");
    assert_eq!((code, &said["error"]["kind"]), (2, &json!("invalid-input")));
    assert_eq!(pointers(&said["error"]), ["/greeting", "/api_key", "/other_key"]);
    assert!(said["error"]["hint"].as_str().unwrap().contains("--schema"), "{said}");
    let wrong = json!({"greeting": "HUNTER", "retries": 10, "other_key": "", "colour": 1});
    let (code, said) = world.refused(&["setup", &bundle, "--answers", "-"], &wrong.to_string());
    assert_eq!(code, 2);
    let wanted = ["/greeting", "/retries", "/api_key", "/other_key", "/colour"];
    assert_eq!(pointers(&said["error"]), wanted);
    assert!(!said.to_string().contains("HUNTER"), "{said}");
    assert!(!world.gtc.store_root().exists());
}

#[test]
fn answers_go_to_the_config_and_to_the_secrets_and_the_bundle_serves_with_them() {
    let world = World::new();
    let bundle = asking(&world);
    let answers =
        json!({"greeting": "good day", "api_key": KEY, "other_key": "x", "nice_to_have": null});
    let set_up = ["setup", &bundle, "--answers", "-"];
    let ended = world.gtc.end(&set_up, answers.to_string().as_bytes()).unwrap();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let said: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(said["result"]["lifecycle"], "ready");
    assert_eq!(said["result"]["entries"][0]["weight_bps"], 10_000);
    assert_eq!(said["result"]["warnings"], Value::Null);
    let values = world.op("config show", &["local", "--deployment", "hello"]);
    let of = |name: &str| {
        let values = values["values"].as_array().unwrap();
        let found = values.iter().find(|value| value["name"] == name).unwrap();
        (found["value"].clone(), found["origin"].clone())
    };
    assert_eq!(of("greeting"), (json!("good day"), json!("deployment")));
    assert_eq!(of("retries"), (json!(3), json!("deployment")));
    let serving = world.gtc.start(&[]).unwrap();
    let mut connection = harness::Connection::open(&serving.address).unwrap();
    let answer = connection.ask("a.test", "/vault", &format!("x-api-key: {KEY}\r\n")).unwrap();
    assert_eq!(answer.status, 200);
    let greeting = connection.get("a.test", "/").unwrap();
    assert!(String::from_utf8_lossy(&greeting.body).contains("good day"));
    assert_eq!(files_with(world.folder.path(), KEY), Vec::<String>::new());

    // Once more: what was answered need not be answered again, and the dial stays.
    let again = world.gtc.run(&["setup", &bundle, "--non-interactive"]).unwrap();
    assert_eq!((&again["sequence"], &again["lifecycle"]), (&json!(2), &json!("ready")));
    let split = world.op("traffic show", &[]);
    assert_eq!(split["entries"].as_array().unwrap().len(), 1);
    assert_eq!(world.op("secrets list", &[])["secrets"][0]["version"], 1);
}

#[test]
fn an_answers_file_that_holds_a_secret_is_named() {
    let world = World::new();
    let bundle = asking(&world);
    let file = world.file("answers.yaml");
    let answers = format!("greeting: hi\napi_key: {KEY}\nother_key: x\n");
    std::fs::write(&file, answers).unwrap();
    let done = world.gtc.run(&["setup", &bundle, "--answers", &file, "--to", "50"]);
    let said = done.unwrap_err();
    assert!(said.contains("no other one serves the rest"), "{said}");
    let done = world.gtc.run(&["setup", &bundle, "--answers", &file, "--to", "100"]).unwrap();
    let warnings: Vec<&str> =
        done["warnings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].contains("answers.yaml") && warnings[0].contains("`api_key`"));
    let others = files_with(world.folder.path(), KEY);
    assert_eq!(others, [file]);
}

#[test]
fn the_schema_and_the_steps_can_be_read_before() {
    let world = World::new();
    let bundle = asking(&world);
    let schema = world.gtc.end(&["setup", &bundle, "--schema"], b"").unwrap();
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
    assert_eq!(schema["required"], json!(["greeting", "api_key", "other_key"]));
    assert_eq!(schema["properties"]["api_key"]["writeOnly"], true);
    let explained = world.gtc.run(&["setup", &bundle, "--explain"]).unwrap();
    let steps: Vec<&str> =
        explained["steps"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
    assert!(steps[0].starts_with("gtc bundle build") && steps[1] == "gtc op env init", "{steps:?}");
    assert_eq!(explained["unanswered"][0]["pointer"], "/greeting");
    assert!(!world.gtc.store_root().exists());
}

#[test]
fn a_person_is_asked_and_what_is_secret_is_not_shown() {
    let world = World::new();
    let bundle = asking(&world);
    let typed = [
        ("Which greeting?", "HI\r"),
        ("must match", "\u{7f}\u{7f}good day\r"),
        ("How many retries?", "\r"),
        ("The key?", "\r"),
        ("must not be empty", "wrong\r"),
        // Cleared, taken back, and keys that stand for no letter: arrows, Home and Ctrl-Z.
        ("must match", &format!("nonsense\u{15}{KEY}?\u{7f}\u{1b}[A\u{1b}OH\u{1b}[1;5C\u{1a}\r")),
        ("another", "x\r"),
        ("a third", "\r"),
        ("Give it all the traffic?", "y"),
    ];
    let seen = world.on_a_terminal(&format!("setup {bundle}"), &typed);
    assert!(!seen.contains(KEY), "{seen}");
    assert_eq!(world.op("traffic show", &[])["entries"][0]["weight_bps"], 10_000);
    let config = world.op("config show", &["local", "--deployment", "hello"]);
    assert!(config.to_string().contains("good day"), "{config}");
}

#[test]
fn a_person_may_give_up() {
    let world = World::new();
    let bundle = asking(&world);
    // Ctrl-C, and Ctrl-\.
    for key in ["\u{3}", "\u{1c}"] {
        let typed =
            [("Which greeting?", "good day\r"), ("How many retries?", "\r"), ("The key?", key)];
        let seen = world.on_a_terminal(&format!("setup {bundle}"), &typed);
        assert!(seen.contains("given up; nothing was changed"), "{seen}");
        assert!(!world.gtc.store_root().join("local").exists());
    }
}
