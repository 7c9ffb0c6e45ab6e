//! One handler for a path, and everything wrong with a binding at once.

use deploy_spec::Kind;
use serde_json::json;

use super::*;
use crate::setup::Setup;

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
        setup: Setup::default(),
        tools: Vec::new(),
        credentials: Vec::new(),
        offers_bootstrap: true,
    }
}

fn registry() -> Registry {
    let mut registry = Registry::builtin().unwrap();
    registry.register(sized()).unwrap();
    registry
}

fn said(slot: Slot, text: &str, answers: &Value) -> Vec<String> {
    let answers = answers.as_object().unwrap();
    let objections = registry().check(slot, &kind(text), answers).into_iter();
    objections.map(|(pointer, why)| format!("{pointer}: {why}")).collect()
}

#[test]
fn the_five_defaults_are_there_and_take_no_settings() {
    let registry = Registry::builtin().unwrap();
    let slots = ["deployer", "secrets", "telemetry", "sessions", "state"];
    let names = ["local-process", "dev-store", "stdout", "in-memory", "in-memory"];
    assert_eq!(registry.handlers().count(), slots.len() + 1);
    for (slot, name) in slots.into_iter().zip(names) {
        let kind = kind(&format!("greentic.{slot}.{name}@0.1.0"));
        let handler = registry.resolve(&kind).unwrap();
        assert_eq!((handler.slot.name(), handler.versions.to_string()), (slot, "^0.1.0".into()));
        assert!(handler.setup.questions().is_empty() && handler.tools.is_empty());
        assert!(handler.credentials.is_empty() && !handler.offers_bootstrap);
        assert_eq!(registry.check(handler.slot, &kind, &Map::new()), []);
        let answers = json!({"color": "hunter2", "a/b": 1});
        let wrong = registry.check(handler.slot, &kind, answers.as_object().unwrap());
        let pointers: Vec<&str> = wrong.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/answers/a~1b", "/answers/color"]);
        assert!(!wrong.iter().any(|(_, why)| why.contains("hunter2")), "{wrong:?}");
    }
}

#[test]
fn shared_sessions_need_an_address_without_a_login() {
    let wrong = |answers| said(Slot::Sessions, "greentic.sessions.redis@0.1.0", &answers);
    let at = |url: &str| json!({"url": url});
    for url in ["redis://10.0.0.7", "redis://cache:6380/2", "rediss://[::1]:6380"] {
        assert_eq!(wrong(json!({"url": url, "user": "gtc", "deadline_ms": 3})), [""; 0], "{url}");
    }
    for url in ["http://cache", "redis://me:hunter2@cache", "redis://", "redis://cache/x"] {
        let wrong = wrong(at(url)).join("; ");
        assert!(wrong.starts_with("/answers/url: ") && !wrong.contains("hunter2"), "{wrong}");
    }
    assert_eq!(
        wrong(json!({"password": "hunter2", "deadline_ms": 0})),
        [
            "/answers/deadline_ms: value is less than the minimum of 1",
            "/answers/password: `greentic.sessions.redis` takes no setting `password`",
            "/answers/url: `greentic.sessions.redis` needs the setting `url`",
        ]
    );
}

#[test]
fn versions_that_a_handler_does_not_name_fail_closed() {
    let registry = Registry::builtin().unwrap();
    for (version, known) in [
        ("0.1.0", true),
        ("0.1.9", true),
        ("0.1.0+build", true),
        ("0.0.9", false),
        ("0.2.0", false),
        ("1.0.0", false),
        ("0.1.1-rc.1", false),
    ] {
        let kind = kind(&format!("greentic.state.in-memory@{version}"));
        assert_eq!(registry.supports(&kind), known, "{version}");
        assert_eq!(registry.resolve(&kind).is_ok(), known, "{version}");
        assert_eq!(registry.check(Slot::State, &kind, &Map::new()).is_empty(), known, "{version}");
        // Even so it is known which slot it would fill.
        assert_eq!(registry.get(&kind).unwrap().slot, Slot::State);
    }
    let fault = registry.resolve(&kind("greentic.state.in-memory@0.2.0")).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    assert_eq!(
        fault.message,
        "`greentic.state.in-memory@0.2.0` is not supported; \
         this gtc supports greentic.state.in-memory@^0.1.0"
    );
}

#[test]
fn an_unknown_kind_names_those_of_the_slot() {
    assert_eq!(
        said(Slot::Deployer, "greentic.deployer.k8s@1.0.0", &json!({})),
        ["/kind: `greentic.deployer.k8s` is not known; for slot `deployer` there is: \
          acme.deployer.cluster@>=1.2, <3, greentic.deployer.local-process@^0.1.0"]
    );
    assert_eq!(
        said(Slot::Revocation, "a.b@1.0.0", &json!({})),
        ["/kind: `a.b` is not known; for slot `revocation` there is: none"]
    );
    let fault = registry().resolve(&kind("a.b@1.0.0")).unwrap_err();
    assert_eq!(fault.kind, Kind::NotFound);
    assert!(fault.message.contains("greentic.secrets.dev-store"), "{}", fault.message);
}

#[test]
fn everything_that_is_wrong_is_said_at_once_and_no_answer_is_shown() {
    assert_eq!(
        said(
            Slot::Deployer,
            "acme.deployer.cluster@1.0.0",
            &json!({"replicas": "hunter2", "extra": 1})
        ),
        [
            "/kind: `acme.deployer.cluster@1.0.0` is not supported; \
             this gtc supports acme.deployer.cluster@>=1.2, <3",
            "/answers/extra: `acme.deployer.cluster` takes no setting `extra`",
            "/answers/region: `acme.deployer.cluster` needs the setting `region`",
            "/answers/replicas: value is not of type \"integer\"",
        ]
    );
    let good = json!({"region": "eu", "replicas": 3});
    assert!(said(Slot::Deployer, "acme.deployer.cluster@2.0.0", &good).is_empty());
}

#[test]
fn a_schema_that_takes_nothing_says_so() {
    let settings = json!({"type": "object", "additionalProperties": false});
    let mut registry = Registry::default();
    registry.register(Handler { settings, ..sized() }).unwrap();
    let answers = json!({"x": "hunter2"});
    let kind = kind("acme.deployer.cluster@1.2.0");
    let found = registry.check(Slot::Deployer, &kind, answers.as_object().unwrap());
    assert_eq!(found.len(), 1);
    assert!(found[0].0.starts_with("/answers") && !found[0].1.contains("hunter2"), "{found:?}");
}

#[test]
fn a_second_handler_of_a_path_and_one_that_cannot_be_checked_are_refused() {
    let mut registry = registry();
    let again = Handler { versions: "^9".parse().unwrap(), ..sized() };
    assert_eq!(registry.register(again).unwrap_err().kind, Kind::Conflict);
    let mine = Handler { path: "greentic.secrets.dev-store".into(), ..sized() };
    assert_eq!(registry.register(mine).unwrap_err().kind, Kind::Conflict);
    let nameless = Handler { path: "Cluster".into(), ..sized() };
    assert_eq!(registry.register(nameless).unwrap_err().kind, Kind::InvalidInput);
    let settings = json!({"type": "no such type"});
    let vague = Handler { path: "a.b".into(), settings, ..sized() };
    assert_eq!(registry.register(vague).unwrap_err().kind, Kind::InvalidInput);
    assert_eq!(registry.handlers().count(), 7);
    assert_eq!(
        registry.get(&kind("acme.deployer.cluster@1.2.0")).unwrap().versions,
        sized().versions
    );
}
