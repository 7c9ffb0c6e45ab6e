//! One handler for a path, and everything wrong with a binding at once.

use deploy_spec::Kind;
use serde_json::json;

use super::*;

fn kind(text: &str) -> Descriptor {
    text.parse().unwrap()
}

fn sized() -> Handler {
    let settings = json!({
        "type": "object",
        "properties": {"replicas": {"type": "integer", "minimum": 1}, "region": {"type": "string"}},
        "required": ["region"],
        "additionalProperties": false,
    });
    Handler {
        path: "acme.deployer.cluster".into(),
        versions: ">=1.2, <3".parse().unwrap(),
        slot: Slot::Deployer,
        settings,
        tools: Vec::new(),
        credentials: Vec::new(),
        offers_bootstrap: true,
    }
}

fn said(slot: Slot, text: &str, answers: &Value) -> Vec<String> {
    let mut registry = Registry::builtin();
    registry.register(sized()).unwrap();
    let answers = answers.as_object().unwrap();
    registry.check(slot, &kind(text), answers).iter().map(ToString::to_string).collect()
}

#[test]
fn the_five_defaults_are_there_and_take_no_settings() {
    let registry = Registry::builtin();
    let slots = ["deployer", "secrets", "telemetry", "sessions", "state"];
    let names = ["local-process", "dev-store", "stdout", "in-memory", "in-memory"];
    assert_eq!(registry.handlers().count(), slots.len());
    for (slot, name) in slots.into_iter().zip(names) {
        let kind = kind(&format!("greentic.{slot}.{name}@0.1.0"));
        let handler = registry.get(&kind).unwrap();
        assert_eq!((handler.slot.name(), handler.versions.to_string()), (slot, "^0.1.0".into()));
        assert!(handler.tools.is_empty() && handler.credentials.is_empty());
        assert!(!handler.offers_bootstrap);
        assert!(registry.check(handler.slot, &kind, &Map::new()).is_empty());
        let answers = json!({"color": "hunter2"});
        let problems = registry.check(handler.slot, &kind, answers.as_object().unwrap());
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].pointer, "/answers");
        assert!(problems[0].message.contains("'color'"), "{}", problems[0]);
        assert!(!problems[0].message.contains("hunter2"));
        // None of them is refused by its own door.
        Registry::default().register(handler.clone()).unwrap();
    }
}

#[test]
fn versions_that_a_handler_does_not_name_fail_closed() {
    let registry = Registry::builtin();
    let path = "greentic.state.in-memory";
    for (version, known) in [
        ("0.1.0", true),
        ("0.1.9", true),
        ("0.1.0+build", true),
        ("0.0.9", false),
        ("0.2.0", false),
        ("1.0.0", false),
        ("0.1.1-rc.1", false),
    ] {
        let kind = kind(&format!("{path}@{version}"));
        assert_eq!(registry.get(&kind).is_some(), known, "{version}");
        let problems = registry.check(Slot::State, &kind, &Map::new());
        assert_eq!(problems.is_empty(), known, "{version}");
    }
    assert_eq!(
        said(Slot::State, "greentic.state.in-memory@0.2.0", &json!({"ignored": 1})),
        ["/kind: `greentic.state.in-memory@0.2.0` is not supported; \
          this gtc supports greentic.state.in-memory@^0.1.0"]
    );
}

#[test]
fn an_unknown_kind_names_those_of_the_slot() {
    assert_eq!(
        said(Slot::Deployer, "greentic.deployer.k8s@1.0.0", &json!({})),
        ["/kind: `greentic.deployer.k8s` is unknown; known for the slot deployer: \
          acme.deployer.cluster@>=1.2, <3, greentic.deployer.local-process@^0.1.0"]
    );
    assert_eq!(
        said(Slot::Revocation, "a.b@1.0.0", &json!({})),
        ["/kind: `a.b` is unknown; known for the slot revocation: none"]
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once_and_no_answer_is_shown() {
    let answers = json!({"replicas": "hunter2", "extra": 1});
    let problems = said(Slot::State, "acme.deployer.cluster@1.3.0", &answers);
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert_eq!(problems[0], "/slot: `acme.deployer.cluster` fills the slot deployer, not state");
    for (pointer, word) in
        [("/answers:", "extra"), ("/answers:", "region"), ("/answers/replicas:", "integer")]
    {
        let found = problems.iter().any(|p| p.starts_with(pointer) && p.contains(word));
        assert!(found, "{pointer} {word}: {problems:?}");
    }
    assert!(!problems.concat().contains("hunter2"));
    assert!(
        said(Slot::Deployer, "acme.deployer.cluster@2.0.0", &json!({"region": "eu"})).is_empty()
    );
}

#[test]
fn a_schema_that_takes_nothing_says_so() {
    let settings = json!({"type": "object", "additionalProperties": false});
    let mut registry = Registry::default();
    registry.register(Handler { settings, ..sized() }).unwrap();
    let answers = json!({"x": "hunter2"});
    let kind = kind("acme.deployer.cluster@1.2.0");
    let problems = registry.check(Slot::Deployer, &kind, answers.as_object().unwrap());
    assert_eq!(problems, [Problem::new("/answers", "nothing may be set here")]);
}

#[test]
fn a_second_handler_of_a_path_and_one_that_cannot_be_checked_are_refused() {
    let mut registry = Registry::builtin();
    registry.register(sized()).unwrap();
    let again = Handler { versions: "^9".parse().unwrap(), ..sized() };
    assert_eq!(registry.register(again).unwrap_err().kind, Kind::Conflict);
    let mine = Handler { path: "greentic.secrets.dev-store".into(), ..sized() };
    assert_eq!(registry.register(mine).unwrap_err().kind, Kind::Conflict);
    let nameless = Handler { path: "Cluster".into(), ..sized() };
    assert_eq!(registry.register(nameless).unwrap_err().kind, Kind::InvalidInput);
    let unschemed =
        Handler { path: "a.b".into(), settings: json!({"type": "no such type"}), ..sized() };
    assert_eq!(registry.register(unschemed).unwrap_err().kind, Kind::InvalidInput);
    assert_eq!(registry.handlers().count(), 6);
    assert_eq!(registry.get(&kind("acme.deployer.cluster@1.2.0")).unwrap().slot, Slot::Deployer);
}

#[test]
fn problems_become_one_fault() {
    let problems = [Problem::new("/a", "is wrong"), Problem::new("/b", "is missing")];
    let fault = Problem::fault("the binding", &problems).unwrap();
    assert_eq!(fault.kind, Kind::InvalidInput);
    assert_eq!(fault.message, "the binding: /a: is wrong; /b: is missing");
    assert_eq!(fault.details["pointer"], "/a");
    assert_eq!(fault.details["problems"][1], json!({"pointer": "/b", "message": "is missing"}));
    assert!(Problem::fault("the binding", &[]).is_none());
}
