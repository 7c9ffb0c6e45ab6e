//! What the types of this module promise.

use serde_json::json;

use super::*;
use crate::document;
use crate::fault::Kind;

const SHOP: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAA";
const BLOG: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAB";
const R1: &str = "01ARZ3NDEKTSV4RRFFQ69G5F01";
const R2: &str = "01ARZ3NDEKTSV4RRFFQ69G5F02";
const R3: &str = "01ARZ3NDEKTSV4RRFFQ69G5F03";

fn revision(id: &str, sequence: u64, lifecycle: &str) -> Value {
    let digest = Digest::of(id.as_bytes());
    json!({
        "revision_id": id, "sequence": sequence, "bundle_digest": digest,
        "artifact": artifact_path(&digest), "pack_list": [],
        "config": {"colour": "green"}, "secret_refs": ["secret://local/shop/key"],
        "lifecycle": lifecycle, "drain_seconds": 30,
    })
}

fn good() -> Value {
    json!({
        "schema": "greentic.runtime-config.v1",
        "environment_id": "local",
        "generation": 7,
        "host_config": {"revision_header": true, "trusted_peers": ["::1"]},
        "deployments": [
            {
                "deployment_id": SHOP, "bundle_id": "shop", "customer_id": "local-dev",
                "tenant": "acme", "lifecycle": "active", "session": {"header": "x-session"},
                "route_binding": {
                    "hosts": ["a.test"], "path_prefixes": ["/", "/shop"],
                    "tenant_selector": {"tenant": "acme"},
                },
                "split": {
                    "generation": 3,
                    "entries": [
                        {"revision_id": R1, "weight_bps": 9_900},
                        {"revision_id": R2, "weight_bps": 100},
                    ],
                    "slots": [
                        {"revision_id": R1, "slots": 9_900, "since": 0},
                        {"revision_id": R2, "slots": 100, "since": 3},
                    ],
                    "salt": "000102030405060708090a0b0c0d0e0f",
                },
                "revisions": [
                    revision(R1, 1, "ready"), revision(R2, 2, "ready"), revision(R3, 3, "draining"),
                ],
            },
            {
                "deployment_id": BLOG, "bundle_id": "blog", "customer_id": "local-dev",
                "tenant": null, "lifecycle": "paused", "session": "cookie",
                "route_binding": {"hosts": ["a.test"], "path_prefixes": ["/shop"]},
                "split": null, "revisions": [],
            },
        ],
    })
}

/// As a data plane does it: parse, then check.
fn read(document: &Value) -> Result<RuntimeConfig, Fault> {
    let config: RuntimeConfig = document::from_value(document.clone())?;
    config.check().map(|()| config)
}

#[test]
fn a_good_document_is_accepted_and_round_trips() {
    let config = read(&good()).unwrap();
    assert_eq!(json!(config), good());
    let text = document::to_line(&config);
    assert_eq!(document::from_json(&text), Ok(config));
}

/// Sets the field that `pointer` names; a field of an object may be new.
fn set(document: &mut Value, pointer: &str, value: Value) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Array(list) => list[field.parse::<usize>().unwrap()] = value,
        object => object[field] = value,
    }
}

fn refused(edits: &[(&str, Value)]) -> String {
    let mut document = good();
    for (pointer, value) in edits {
        set(&mut document, pointer, value.clone());
    }
    let fault = read(&document).expect_err(&format!("accepted: {edits:?}"));
    assert_eq!(fault.kind, Kind::InvalidInput, "{edits:?}");
    format!("{} {}\n", fault.details["pointer"].as_str().unwrap(), fault.message)
}

#[test]
fn a_document_of_another_kind_or_version_is_refused() {
    let told = [
        refused(&[("/schema", json!("greentic.runtime-config.v2"))]),
        refused(&[("/schema", json!("greentic.environment.v1"))]),
        refused(&[("/environment_id", json!("../other"))]),
        refused(&[("/generation", json!(-1))]),
    ];
    insta::assert_snapshot!(told.concat(), @"
    /schema schema is `greentic.runtime-config.v2`, this gtc reads greentic.runtime-config.v1
    /schema schema is `greentic.environment.v1`, this gtc reads greentic.runtime-config.v1
    /environment_id `../other` is not a slug: 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit
    /generation invalid value: integer `-1`, expected u64
    ");
}

#[test]
fn what_it_does_not_know_is_refused_wherever_it_stands() {
    for parent in [
        "",
        "/host_config",
        "/deployments/0",
        "/deployments/0/route_binding",
        "/deployments/0/revisions/0",
    ] {
        let pointer = format!("{parent}/bogus");
        let told = refused(&[(&pointer, json!(1))]);
        assert!(told.starts_with(&format!("{pointer} unknown field `bogus`")), "{told}");
    }
    for parent in ["/deployments/0/split", "/deployments/0/split/entries/0"] {
        let told = refused(&[(&format!("{parent}/bogus"), json!(1))]);
        assert!(told.starts_with("/deployments/0/split unknown field `bogus`"), "{told}");
    }
}

#[test]
fn weights_that_are_not_whole_are_refused() {
    let weight = |i: u8| format!("/deployments/0/split/entries/{i}/weight_bps");
    let told = [
        refused(&[(&weight(0), json!(10_001))]),
        refused(&[(&weight(0), json!(70_000))]),
        refused(&[(&weight(1), json!(99))]),
        refused(&[(&weight(1), json!(101))]),
        refused(&[("/deployments/0/split/entries", json!([]))]),
        refused(&[("/deployments/0/split/entries/1/revision_id", json!(R1))]),
        refused(&[(&weight(0), json!(9_800)), (&weight(1), json!(200))]),
        refused(&[("/deployments/0/split/slots/1/slots", json!(99))]),
        refused(&[("/deployments/0/split/salt", json!("00"))]),
        refused(&[("/deployments/0/split/generation", json!(null))]),
    ];
    insta::assert_snapshot!(told.concat(), @"
    /deployments/0/split a weight of 10001 bps is more than 10000, the whole
    /deployments/0/split invalid value: integer `70000`, expected u16
    /deployments/0/split the weights sum to 9999 bps, not to 10000
    /deployments/0/split the weights sum to 10001 bps, not to 10000
    /deployments/0/split the weights sum to 0 bps, not to 10000
    /deployments/0/split revision 01ARZ3NDEKTSV4RRFFQ69G5F01 is in the split twice
    /deployments/0/split the slots do not carry out the weights
    /deployments/0/split the slots cover 9999 of 10000, or a run is empty
    /deployments/0/split `00` is not 32 hex digits
    /deployments/0/split a split has a generation
    ");
}

#[test]
fn a_revision_or_deployment_twice_is_refused() {
    let told = [
        refused(&[("/deployments/0/revisions/1/revision_id", json!(R1))]),
        refused(&[("/deployments/1/deployment_id", json!(SHOP))]),
    ];
    insta::assert_snapshot!(told.concat(), @"
    /deployments/0/revisions/1/revision_id revision 01ARZ3NDEKTSV4RRFFQ69G5F01 is there twice
    /deployments/1 deployment 01ARZ3NDEKTSV4RRFFQ69G5FAA is there twice
    ");
}

#[test]
fn an_artifact_outside_the_environments_directory_is_refused() {
    for outside in [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../x",
        "artifacts/../../x",
        "artifacts/..",
        "./x",
        "artifacts//x",
        "artifacts/",
        "artifacts\\..\\x",
        "a\0b",
    ] {
        let told = refused(&[("/deployments/0/revisions/2/artifact", json!(outside))]);
        assert!(told.starts_with("/deployments/0/revisions/2/artifact artifact `"), "{told}");
        assert!(!told.contains('\0'));
    }
    let mut document = good();
    set(&mut document, "/deployments/0/revisions/2/artifact", json!("artifacts/..x/a..b"));
    assert!(read(&document).is_ok());
}

#[test]
fn a_split_of_unknown_or_not_ready_revisions_is_refused() {
    let lifecycle = "/deployments/0/revisions/1/lifecycle";
    for other in Lifecycle::ALL.into_iter().filter(|other| *other != Lifecycle::Ready) {
        let told = refused(&[(lifecycle, json!(other))]);
        assert!(told.starts_with("/deployments/0/split/entries "), "{told}");
    }
    let told = refused(&[("/deployments/0/revisions", json!([revision(R1, 1, "ready")]))]);
    insta::assert_snapshot!(told, @"/deployments/0/split/entries revision 01ARZ3NDEKTSV4RRFFQ69G5F02 takes traffic and is not ready");
}

#[test]
fn a_revision_without_weight_need_not_be_ready() {
    let mut document = good();
    let split = json!({
        "generation": 3, "salt": "000102030405060708090a0b0c0d0e0f",
        "entries": [
            {"revision_id": R1, "weight_bps": 10_000}, {"revision_id": R2, "weight_bps": 0},
        ],
        "slots": [{"revision_id": R1, "slots": 10_000, "since": 0}],
    });
    set(&mut document, "/deployments/0/split", split);
    set(&mut document, "/deployments/0/revisions/1/lifecycle", json!("failed"));
    assert!(read(&document).is_ok());
}

#[test]
fn a_route_that_two_deployments_claim_is_refused() {
    let binding = "/deployments/1/route_binding";
    let claimed = json!({
        "hosts": ["b.test", "a.test"],
        "path_prefixes": ["/shop"],
        "tenant_selector": {"tenant": "acme"},
    });
    let told = refused(&[(binding, claimed), ("/deployments/1/tenant", json!("acme"))]);
    insta::assert_snapshot!(told, @"/deployments/1/route_binding deployments 01ARZ3NDEKTSV4RRFFQ69G5FAA and 01ARZ3NDEKTSV4RRFFQ69G5FAB both answer `a.test/shop tenant=acme`");
    for (hosts, prefix, selector) in [
        (json!(["a.test"]), "/shop", json!({"tenant": "bolt"})),
        (json!(["a.test"]), "/shop", json!({"tenant": "acme", "team": "support"})),
        (json!(["a.test"]), "/blog", json!({"tenant": "acme"})),
        (json!([]), "/shop", json!({"tenant": "acme"})),
    ] {
        let mut document = good();
        let other = json!({"hosts": hosts, "path_prefixes": [prefix], "tenant_selector": selector});
        set(&mut document, "/deployments/1/tenant", selector_tenant(&other));
        set(&mut document, binding, other);
        assert!(read(&document).is_ok(), "{document}");
    }
}

fn selector_tenant(binding: &Value) -> Value {
    binding["tenant_selector"]["tenant"].clone()
}

#[test]
fn a_tenant_that_the_route_does_not_select_is_refused() {
    let told = refused(&[("/deployments/1/tenant", json!("bolt"))]);
    insta::assert_snapshot!(told, @"/deployments/1/tenant the tenant is not the one that the route selects");
}

#[test]
fn a_session_header_that_is_none_is_refused() {
    let told = refused(&[("/deployments/0/session", json!({"header": "a b"}))]);
    insta::assert_snapshot!(told, @"/deployments/0/session `a b` is not a header name");
}
