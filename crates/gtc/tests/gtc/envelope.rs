//! What scripts rely on: envelopes, kinds, exit codes, and that nothing changes when it fails.

use serde_json::{Value, json};

use crate::world::World;

#[test]
fn the_first_rollout_answers_as_the_contract_says() {
    let (world, bundles) = World::with_bundles();
    let again = world.op("env init", &[]);
    assert_eq!(again["outcome"], "untouched");
    assert_eq!(again["pack_count"], 5);
    let (id, [r1, r2]) = world.deployed(&bundles, "localhost", "/");
    let answers = json!({
        "environment_id": "local", "deployment_id": id, "idempotency_key": "first-rollout",
        "entries": [{"revision_id": r1, "weight_percent": 100}],
    });
    let set = ["op", "traffic", "set", "--answers", "-"];
    let first = world.gtc.end(&set, answers.to_string().as_bytes()).unwrap();
    let expected = format!(
        "{{\"noun\":\"traffic\",\"op\":\"set\",\"result\":{{\"deployment_id\":\"{id}\",\
         \"entries\":[{{\"revision_id\":\"{r1}\",\"weight_bps\":10000,\"sequence\":1}}],\"generation\":0,\
         \"has_previous\":false}}}}\n"
    );
    assert_eq!(first.stdout, expected);
    assert_eq!(world.set(&id, &["r1=99", "r2=1"])["generation"], 1);
    let late = world.gtc.end(&set, answers.to_string().as_bytes()).unwrap();
    assert_eq!(late.stdout, expected, "a late retry gets the first answer");
    let shown = world.op("traffic show", &["local", "--deployment", &id]);
    assert_eq!(shown["entries"][1]["revision_id"], json!(r2));
    assert_eq!(shown["entries"][1]["weight_bps"], 100);
    let history = world.op("traffic history", &["local", "--deployment", "hello"]);
    assert_eq!(history["generations"].as_array().unwrap().len(), 2);
    assert_eq!(history["generations"][0]["idempotency_key"], "first-rollout");
    assert_eq!(world.op("traffic rollback", &["--deployment", "hello"])["generation"], 2);
}

#[test]
fn the_audit_log_has_one_chained_line_for_each_change_and_refusal() {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "localhost", "/");
    world.set(&id, &["r1=100"]);
    world.refused(&["op", "traffic", "rollback"], "");
    let log = world.gtc.store_root().join("local/audit/events.jsonl");
    let log = std::fs::read_to_string(log).unwrap();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<String> = events
        .iter()
        .map(|e| format!("{} {} {}", e["noun"], e["verb"], e["result"]["outcome"]).replace('"', ""))
        .collect();
    assert_eq!(
        told,
        [
            "env init ok",
            "bundles add ok",
            "revisions stage ok",
            "revisions warm ok",
            "revisions stage ok",
            "revisions warm ok",
            "traffic set ok",
            "traffic rollback error",
        ]
    );
    for pair in events.windows(2) {
        assert_eq!(pair[1]["prev_hash"], pair[0]["hash"]);
    }
}

/// Words, standard input, exit code, kind, pointer.
type Row<'a> = (&'a [&'a str], &'a str, i32, &'a str, Value);

#[test]
fn bad_input_is_named_and_changes_nothing() {
    let (world, bundles) = World::with_bundles();
    let (id, [r1, _]) = world.deployed(&bundles, "localhost", "/");
    let set = &["op", "traffic", "set", "--answers", "-"][..];
    let entry = |entries: &str| format!("{{\"deployment_id\":\"{id}\",\"entries\":{entries}}}");
    let short = entry(&format!("[{{\"revision_id\":\"{r1}\",\"weight_bps\":9999}}]"));
    let twice = entry(&format!(
        "[{{\"revision_id\":\"{r1}\",\"weight_bps\":5000}},{{\"revision_id\":\"r1\",\"weight_bps\":5000}}]"
    ));
    let both = entry("[{\"revision_id\":\"r1\",\"weight_bps\":1,\"weight_percent\":1}]");
    let over = entry("[{\"revision_id\":\"r1\",\"weight_bps\":10001}]");
    let unknown = entry("[{\"revision_id\":\"r9\",\"weight_bps\":10000}]");
    let extra = entry("[{\"revision_id\":\"r1\",\"weight\":1}]");
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    let big = format!("{{\"x\":\"{}\"}}", "y".repeat(2 << 20));
    let rows: &[Row<'_>] = &[
        (set, &short, 2, "invalid-input", json!("/entries")),
        (set, &twice, 2, "invalid-input", json!("/entries/1/revision_id")),
        (set, &both, 2, "invalid-input", json!("/entries/0")),
        (set, &over, 2, "invalid-input", json!("/entries/0/weight_bps")),
        (set, &unknown, 3, "not-found", json!("/entries/0/revision_id")),
        (set, &extra, 2, "invalid-input", json!("/entries/0/weight")),
        (set, "{\"entries\":3}", 2, "invalid-input", json!("/entries")),
        (set, "[]", 2, "invalid-input", json!("")),
        (set, "{", 2, "invalid-input", Value::Null),
        (set, &deep, 2, "invalid-input", Value::Null),
        (set, &big, 2, "invalid-input", Value::Null),
        (set, "{\"environment_id\":\"../x\"}", 2, "invalid-input", json!("/environment_id")),
        (set, "{\"environment_id\":\"nowhere\",\"entries\":[]}", 5, "refused", Value::Null),
        (&["op", "traffic", "set", "r1=99"], "", 2, "invalid-input", json!("/entries")),
        (&["op", "traffic", "set", "local", "r1"], "", 2, "invalid-input", json!("/entries")),
        (&["op", "traffic", "rollback"], "", 5, "refused", Value::Null),
        (
            &["op", "traffic", "set", "r1=100", "--expected-generation", "7"],
            "",
            4,
            "conflict",
            Value::Null,
        ),
        (
            &["op", "bundles", "add", "hello", "--host", "localhost"],
            "",
            4,
            "conflict",
            json!("/route_binding"),
        ),
        (&["op", "bundles", "add", "Hello"], "", 2, "invalid-input", json!("/bundle_id")),
        (
            &["op", "bundles", "add", "hello", "--path", "/a/../b"],
            "",
            2,
            "invalid-input",
            json!("/route_binding/path_prefixes/0"),
        ),
        (&["op", "revisions", "stage", "no-such-file"], "", 3, "not-found", Value::Null),
        (&["op", "revisions", "stage", "ftp://x"], "", 2, "invalid-input", json!("/bundle")),
        (&["op", "revisions", "stage", "Cargo.toml"], "", 2, "invalid-input", Value::Null),
        (&["op", "revisions", "warm", "r9"], "", 3, "not-found", Value::Null),
        (&["op", "revisions", "show", "local", "\u{1b}[31m"], "", 2, "invalid-input", Value::Null),
        (&["op", "env", "create", "prod-eu"], "", 5, "refused", Value::Null),
        (&["op", "env", "show", "nowhere"], "", 3, "not-found", Value::Null),
        (&["op", "env", "dance"], "", 2, "invalid-input", Value::Null),
        (&["dance"], "", 2, "invalid-input", Value::Null),
    ];
    let before = state(&world);
    let mut wrong = Vec::new();
    for (words, input, code, kind, pointer) in rows {
        let (ended, envelope) = world.refused(words, input);
        let error = &envelope["error"];
        if (ended, &error["kind"]) != (*code, &json!(kind)) {
            wrong.push(format!("{words:?} {input:.60}: {ended} {envelope}"));
        }
        if error["details"]["pointer"] != *pointer {
            wrong.push(format!("{words:?} {input:.60}: {envelope}"));
        }
        assert!(!error["message"].as_str().unwrap().contains('\u{1b}'), "{envelope}");
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(state(&world), before);
}

/// Every record of the environment.
#[test]
fn a_word_that_is_one_of_few_is_answered_with_those() {
    let world = World::new();
    for (words, hint) in [
        (&["start", "--access-log", "stderr"][..], "choose from file, stdout"),
        (
            &["start", "--access-log-smaple", "1"],
            "a similar argument exists: '--access-log-sample'",
        ),
        (&["start", "--threads", "many"], "add --help to see what can be typed"),
    ] {
        let (code, envelope) = world.refused(words, "");
        assert_eq!((code, &envelope["error"]["hint"]), (2, &json!(hint)), "{envelope}");
    }
}

fn state(world: &World) -> Value {
    world.op("env show", &["local"])
}

#[test]
fn a_rehearsal_says_what_would_happen_and_does_not_do_it() {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "localhost", "/");
    let before = state(&world);
    let dry = world.op("traffic set", &["local", "--deployment", &id, "r1=100", "--dry-run"]);
    assert_eq!(dry["dry_run"], true);
    assert_eq!(dry["result"]["generation"], 0);
    assert!(!dry["transaction"]["changes"].as_array().unwrap().is_empty());
    let stage = world.op("revisions stage", &[&bundles[0], "--dry-run"]);
    assert_eq!(stage["result"]["sequence"], 3);
    assert_eq!(state(&world), before);
    let fresh = World::new();
    assert_eq!(fresh.op("env init", &["--dry-run"])["result"]["outcome"], "created");
    assert!(!fresh.gtc.store_root().exists(), "a rehearsal makes no folder");
}

#[test]
fn flags_only_build_the_answers() {
    let world = World::new();
    let words = [
        "op",
        "traffic",
        "set",
        "prod",
        "--deployment",
        "d",
        "r1=99.5",
        "r2=0.5",
        "--print-answers",
    ];
    let printed = world.gtc.end(&words, b"").unwrap();
    let answers: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!(
        answers,
        json!({
            "environment_id": "prod", "deployment_id": "d",
            "entries": [{"revision_id": "r1", "weight_percent": 99.5}, {"revision_id": "r2", "weight_percent": 0.5}],
        })
    );
    let schema = world.gtc.end(&["op", "traffic", "set", "--schema"], b"").unwrap();
    let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
    for field in ["environment_id", "idempotency_key", "expected_generation", "entries"] {
        assert!(schema["properties"][field].is_object(), "{field}");
    }
}

#[test]
fn a_corrupt_record_names_itself_and_harms_nobody_else() {
    let (world, bundles) = World::with_bundles();
    let (id, _) = world.deployed(&bundles, "localhost", "/");
    world.deployed(&bundles, "other.test", "/");
    world.set(&id, &["r1=100"]);
    let file = world.gtc.store_root().join(format!("local/deployments/{id}.json"));
    std::fs::write(&file, "{ half a rec").unwrap();
    let (code, envelope) =
        world.refused(&["op", "traffic", "show", "local", "--deployment", &id], "");
    assert_eq!(code, 6);
    assert_eq!(envelope["error"]["details"]["path"], format!("deployments/{id}.json"));
    let backup = envelope["error"]["details"]["backup"].as_str().unwrap();
    assert!(world.gtc.store_root().join("local").join(backup).exists(), "{backup}");
    assert_eq!(world.op("env list", &[])["environments"].as_array().unwrap().len(), 1);
}
