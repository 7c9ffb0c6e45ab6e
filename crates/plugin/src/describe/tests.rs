//! What a pack may say of itself, and each lie by its place.

use deploy_spec::Kind;
use serde_json::Map;

use super::*;

fn good() -> Value {
    json!({
        "schema": "greentic.env-pack.v1",
        "kind": "acme.deployer.cluster@1.2.0",
        "slot": "deployer",
        "settings": {
            "type": "object",
            "properties": {"region": {"type": "string"}},
            "required": ["region"],
            "additionalProperties": false,
        },
        "setup": {
            "schema": "greentic.setup.v1",
            "questions": [{"name": "region", "kind": "text", "prompt": "Which region?"}],
        },
        "tools": [
            {"tool": "kubectl", "versions": ">=1.28", "probe": {
                "kubectl-can-i": {"verb": "create", "resource": "deployments.apps", "namespace": null}
            }},
            {"tool": "aws", "probe": "aws-caller-identity"},
        ],
        "credentials": [{"permission": "eks:DescribeCluster", "reason": "to find the cluster"}],
    })
}

fn with(change: impl FnOnce(&mut Value)) -> Result<Described, Fault> {
    let mut said = good();
    change(&mut said);
    describe("oci://acme/cluster:1", &said.to_string())
}

#[test]
fn a_pack_becomes_the_handler_of_its_one_version() {
    let Described { kind, handler } = with(|_| ()).unwrap();
    assert_eq!(kind.as_str(), "acme.deployer.cluster@1.2.0");
    assert_eq!(
        (handler.to_string(), handler.slot),
        ("acme.deployer.cluster@=1.2.0".into(), Slot::Deployer)
    );
    assert!(handler.supports(&kind));
    assert!(!handler.supports(&"acme.deployer.cluster@1.2.1".parse().unwrap()));
    assert_eq!(handler.setup.questions()[0].name, "region");
    assert_eq!((handler.tools.len(), handler.credentials.len()), (2, 1));
    assert_eq!(handler.tools[1].probe, Some(env_pack::Probe::AwsCallerIdentity));
    let mut registry = Registry::builtin().unwrap();
    registry.register(handler).unwrap();
    let wrong = registry.check(Slot::Deployer, &kind, &Map::new());
    assert_eq!(wrong[0].0, "/answers/region");
}

#[test]
fn a_pre_release_supports_itself() {
    let described = with(|said| said["kind"] = json!("a.b@1.0.0-rc.1+build")).unwrap();
    assert!(described.handler.supports(&described.kind));
}

#[test]
fn what_is_left_out_is_nothing() {
    let said = json!({"schema": "greentic.env-pack.v1", "kind": "a.b@1.0.0", "slot": "revocation"});
    let Described { kind, handler } = describe("p", &said.to_string()).unwrap();
    assert!(handler.setup.questions().is_empty() && handler.tools.is_empty());
    let mut registry = Registry::default();
    registry.register(handler).unwrap();
    let answers = json!({"x": 1});
    let wrong = registry.check(Slot::Revocation, &kind, answers.as_object().unwrap());
    assert_eq!(wrong[0].0, "/answers/x", "it takes no settings");
}

#[test]
fn each_lie_is_told_with_its_place_and_the_name_of_the_pack() {
    let question = |i: usize| json!({"name": format!("q{i}"), "kind": "text", "prompt": "?"});
    let many: Vec<Value> = (0..65).map(question).collect();
    let probe = |word: &str| {
        json!([{"tool": "kubectl", "probe": {"kubectl-can-i": {
            "verb": word, "resource": "pods", "namespace": null}}}])
    };
    let tools = vec![json!({"tool": "aws"}); 17];
    let need = json!({"permission": "a", "reason": "b"});
    let changes: Vec<(&str, Value, &str)> = vec![
        ("schema", json!("greentic.env-pack.v2"), "/schema"),
        ("kind", json!("Cluster"), "/kind"),
        ("slot", json!("kitchen"), "/slot"),
        ("more", json!(1), "/more"),
        ("settings", json!({"type": "no such type"}), "/settings"),
        ("settings", json!(true), "/settings"),
        ("settings", json!({"properties": {"a": {"$ref": "https://example.org/s"}}}), "/settings"),
        ("settings", json!({"allOf": [{"$dynamicRef": "#a"}]}), "/settings"),
        ("setup", json!({"schema": "greentic.setup.v1", "questions": many}), "/setup/questions"),
        (
            "setup",
            json!({"schema": "greentic.setup.v1", "questions": [{"name": "A", "kind": "text",
            "prompt": "?"}]}),
            "/setup/questions/0/name",
        ),
        ("tools", json!([{"tool": "rm"}]), "/tools/0/tool"),
        ("tools", json!([{"tool": "aws", "arguments": "x"}]), "/tools/0/arguments"),
        ("tools", json!(tools), "/tools"),
        ("tools", probe("--server=https://evil.example"), "/tools/0/probe"),
        ("tools", probe("create pods"), "/tools/0/probe"),
        ("tools", probe(""), "/tools/0/probe"),
        ("credentials", json!(vec![need; 129]), "/credentials"),
        ("credentials", json!([{"permission": " ", "reason": "b"}]), "/credentials/0"),
    ];
    for (field, value, at) in changes {
        let shown = value.to_string();
        let fault = with(|said| said[field] = value).unwrap_err();
        assert_eq!(fault.kind, Kind::InvalidInput, "{field} {shown}");
        assert_eq!(fault.details["said_at"], at, "{field} {shown}: {fault:?}");
        assert!(fault.message.contains("`oci://acme/cluster:1`"), "{fault:?}");
    }
}

#[test]
fn what_is_no_document_is_said_to_be_none() {
    let long = format!("{{\"schema\": \"{}\"}}", "x".repeat(DESCRIPTION_BYTES));
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for said in ["", "hello", "[]", "null", "{}", "{} {}", &long, &deep] {
        let fault = describe("p", said).unwrap_err();
        assert_eq!(fault.kind, Kind::InvalidInput, "{fault:?}");
        assert!(fault.message.len() < 600, "{}", fault.message);
    }
}

#[test]
fn nothing_paints_on_a_terminal() {
    for text in ["\u{1b}[2J", "a\nb", "a\u{202e}b", "a\u{2028}b", "a\0", &"x".repeat(4097)] {
        assert!(with(|said| said["credentials"][0]["reason"] = json!(text)).is_err(), "{text:?}");
        assert!(with(|said| said["settings"]["properties"][text] = json!({})).is_err(), "{text:?}");
    }
    assert!(with(|said| said["credentials"][0]["reason"] = json!("für Größe, 大")).is_ok());
}
