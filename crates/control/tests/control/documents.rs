//! Answers documents: what is wrong with one is named by JSON pointer.

use control::traffic;
use control::{Call, backups, bundles, config, credentials, env, env_packs, revisions, secrets};
use deploy_spec::Kind;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::verbs::every_verb;

#[test]
fn an_unknown_or_wrong_field_is_named_for_every_verb() {
    let wrong = [
        ("bogus", json!(1)),
        ("environment_id", json!("NOT A SLUG")),
        ("environment_id", json!(7)),
        ("idempotency_key", json!("")),
        ("idempotency_key", json!("with space")),
        ("idempotency_key", json!("k".repeat(129))),
        ("expected_generation", json!(-1)),
        ("expected_generation", json!("1")),
        ("expected_generation", json!(1.5)),
    ];
    for case in every_verb() {
        for (field, value) in &wrong {
            let mut world = (case.world)();
            let (before, audited) = (world.memory.clone(), world.audit.len());
            let fault = (case.run)(&mut world, case.with(field, value.clone())).unwrap_err();
            assert_eq!(fault.kind, Kind::InvalidInput, "{} {field}", case.name);
            assert_eq!(fault.details["pointer"], format!("/{field}"), "{} {fault}", case.name);
            assert_eq!((world.memory, world.audit.len()), (before, audited));
        }
        for document in [json!([]), json!("x"), json!(null)] {
            let fault = (case.run)(&mut (case.world)(), document).unwrap_err();
            assert_eq!((fault.kind, &fault.details["pointer"]), (Kind::InvalidInput, &json!("")));
        }
    }
}

fn pointer<A: DeserializeOwned + std::fmt::Debug>(document: Value) -> String {
    let fault = Call::<A>::from_document(document).unwrap_err();
    assert_eq!(fault.kind, Kind::InvalidInput);
    format!("{} {}\n", fault.details["pointer"], fault.message)
}

#[test]
fn a_wrong_field_deep_inside_is_named_too() {
    let entry = |entry: Value| json!({"entries": [{"revision_id": "r1", "weight_bps": 1}, entry]});
    let route = |route: Value| json!({"bundle_id": "shop", "route_binding": route});
    let told = [
        pointer::<traffic::SetAnswers>(json!({"entries": {}})),
        pointer::<traffic::SetAnswers>(entry(json!({"revision_id": "r1", "weight": 1}))),
        pointer::<traffic::SetAnswers>(entry(json!({"revision_id": "r 1", "weight_bps": 1}))),
        pointer::<traffic::SetAnswers>(entry(json!({"revision_id": "r1", "weight_bps": 70_000}))),
        pointer::<traffic::SetAnswers>(entry(json!({"revision_id": "r1", "weight_bps": -1}))),
        pointer::<traffic::SetAnswers>(entry(json!({"revision_id": "r1", "weight_percent": "1"}))),
        pointer::<traffic::RollbackAnswers>(json!({"deployment_id": 1})),
        pointer::<traffic::ClearAnswers>(json!({"deployment_id": ["x"]})),
        pointer::<bundles::AddAnswers>(json!({"bundle_id": "Shop"})),
        pointer::<bundles::AddAnswers>(route(json!({"host": "A.com"}))),
        pointer::<bundles::AddAnswers>(route(json!({"hosts": ["a.com", "b.com:80"]}))),
        pointer::<bundles::AddAnswers>(route(json!({"path_prefixes": ["/a/"]}))),
        pointer::<bundles::AddAnswers>(route(json!({"tenant_selector": {"team": "x"}}))),
        pointer::<bundles::AddAnswers>(route(json!({"port": 80}))),
        pointer::<bundles::AddAnswers>(json!({"bundle_id": "shop", "session": "sticky"})),
        pointer::<bundles::AddAnswers>(json!({"bundle_id": "shop", "config": []})),
        pointer::<revisions::StageAnswers>(json!({"bundle": "x", "bundle_digest": "sha256:00"})),
        pointer::<revisions::StageAnswers>(json!({"bundle": "x", "drain_seconds": "30s"})),
        pointer::<revisions::StageAnswers>(json!({})),
        pointer::<revisions::WarmAnswers>(json!({"revision_id": ""})),
        pointer::<env::CreateAnswers>(json!({"host_config": {"trusted_peers": ["here"]}})),
        pointer::<env::CreateAnswers>(json!({"trust_root": [{"key_id": "k"}]})),
        pointer::<env_packs::AddAnswers>(json!({"slot": "disk", "kind": "a.b@1.0.0"})),
        pointer::<env_packs::AddAnswers>(json!({"slot": "state", "kind": "a.b"})),
        pointer::<env_packs::UpdateAnswers>(json!({"slot": "state", "pack_ref": {"oci": "x"}})),
        pointer::<config::SetAnswers>(json!({"values": [1]})),
        pointer::<config::UnsetAnswers>(json!({"names": ["a", 1]})),
        pointer::<secrets::PutAnswers>(json!({"path": "a/../b"})),
        pointer::<secrets::PutAnswers>(json!({"path": "a", "value": "hunter2"})),
        pointer::<secrets::DeleteAnswers>(json!({"path": "a", "force": "yes"})),
        pointer::<credentials::ImportAnswers>(json!({"fingerprint": 1})),
        pointer::<backups::RestoreAnswers>(json!({"backup_id": "newest"})),
        pointer::<backups::RestoreAnswers>(json!({"from_environment": "A"})),
    ];
    insta::assert_snapshot!(told.concat(), @r#"
    "/entries" invalid type: map, expected a sequence
    "/entries/1/weight" unknown field `weight`, expected one of `revision_id`, `weight_percent`, `weight_bps`
    "/entries/1/revision_id" `r 1` names nothing: give an id, a prefix of one, a bundle's name, `r3` or a tag
    "/entries/1/weight_bps" invalid value: integer `70000`, expected u16
    "/entries/1/weight_bps" invalid value: integer `-1`, expected u16
    "/entries/1/weight_percent" invalid type: string "1", expected f64
    "/deployment_id" invalid type: integer `1`, expected a string
    "/deployment_id" invalid type: sequence, expected a string
    "/bundle_id" `Shop` is not a slug: 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit
    "/route_binding/host" `A.com` is not a host: a lower-case DNS name or IP address, with no port
    "/route_binding/hosts/1" `b.com:80` is not a host: a lower-case DNS name or IP address, with no port
    "/route_binding/path_prefixes/0" `/a/` is not a path prefix: `/`, or like `/shop/cart` with no trailing `/`, dot segments or percent-escapes
    "/route_binding/tenant_selector" missing field `tenant`
    "/route_binding/port" unknown field `port`, expected one of `host`, `hosts`, `path_prefix`, `path_prefixes`, `tenant_selector`
    "/session" unknown variant `sticky`, expected one of `cookie`, `header`, `none`
    "/config" invalid type: sequence, expected a map
    "/bundle_digest" `sha256:00` is not a digest: `sha256:` and 64 lower-case hex digits
    "/drain_seconds" invalid type: string "30s", expected u32
    "" missing field `bundle`
    "/revision_id" `` names nothing: give an id, a prefix of one, a bundle's name, `r3` or a tag
    "/host_config/trusted_peers/0" invalid IP address syntax
    "/trust_root/0" missing field `public_key`
    "/slot" unknown variant `disk`, expected one of `deployer`, `secrets`, `telemetry`, `sessions`, `state`, `revocation`
    "/kind" `a.b` is not a descriptor like `greentic.deployer.k8s@1.0.0`
    "/pack_ref" invalid type: map, expected a string
    "/values" invalid type: sequence, expected a map
    "/names/1" invalid type: integer `1`, expected a string
    "/path" `a/../b` is not a secret's path: at most 240 of A-Z, a-z, 0-9, `-`, `_` and `.`, in parts separated by `/`
    "/value" unknown field `value`, expected `path` or `fingerprint`
    "/force" invalid type: string "yes", expected a boolean
    "/fingerprint" invalid type: integer `1`, expected a string
    "/backup_id" `newest` is not an id: a ULID is 26 upper-case letters and digits
    "/from_environment" `A` is not a slug: 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit
    "#);
}

#[test]
fn common_fields_have_their_defaults() {
    let call = Call::<traffic::ClearAnswers>::from_document(json!({})).unwrap();
    assert!(call.environment_id.is_local());
    assert_eq!((call.idempotency_key, call.expected_generation), (None, None));
    let document =
        json!({"environment_id": "eu", "idempotency_key": "k", "expected_generation": 3});
    let call = Call::<traffic::ClearAnswers>::from_document(document).unwrap();
    assert_eq!(call.environment_id.as_str(), "eu");
    assert_eq!(call.idempotency_key.unwrap().as_str(), "k");
    assert_eq!(call.expected_generation, Some(3));
}

#[test]
fn the_schema_of_every_verb_names_every_field_and_refuses_others() {
    let mut told = String::new();
    for case in every_verb() {
        let schema = (case.schema)();
        assert_eq!(schema["additionalProperties"], json!(false), "{}", case.name);
        let mut fields: Vec<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        for field in case.document.as_object().unwrap().keys() {
            assert!(fields.contains(&field.as_str()), "{} {field}", case.name);
        }
        if let Some(schema_of) = schema["title"].as_str().filter(|_| !case.name.contains('(')) {
            told.push_str(&format!("{schema_of}: {}\n", fields.join(" ")));
        }
    }
    insta::assert_snapshot!(told, @"
    env init: environment_id expected_generation idempotency_key
    env create: environment_id expected_generation host_config idempotency_key name trust_root
    bundles add: bundle_id config customer_id environment_id expected_generation idempotency_key revenue_policy_ref route_binding session
    revisions stage: bundle bundle_digest deployment_id drain_seconds environment_id expected_generation idempotency_key
    revisions warm: deployment_id environment_id expected_generation idempotency_key revision_id
    traffic set: deployment_id entries environment_id expected_generation idempotency_key
    traffic rollback: deployment_id environment_id expected_generation idempotency_key
    traffic clear: deployment_id environment_id expected_generation idempotency_key
    env update: environment_id expected_generation host_config idempotency_key name
    env destroy: confirm environment_id expected_generation idempotency_key
    bundles update: config customer_id deployment_id environment_id expected_generation idempotency_key revenue_policy_ref route_binding session
    bundles pause: deployment_id environment_id expected_generation idempotency_key
    bundles resume: deployment_id environment_id expected_generation idempotency_key
    bundles remove: deployment_id environment_id expected_generation idempotency_key
    revisions drain: deployment_id environment_id expected_generation idempotency_key revision_id
    revisions complete-drain: deployment_id environment_id expected_generation idempotency_key revision_id
    revisions retry: deployment_id environment_id expected_generation idempotency_key revision_id
    revisions archive: deployment_id environment_id expected_generation idempotency_key revision_id
    revisions tag: deployment_id environment_id expected_generation idempotency_key revision_id tag
    revisions untag: deployment_id environment_id expected_generation idempotency_key tag
    traffic shadow: deployment_id entry environment_id expected_generation idempotency_key ignore_headers
    traffic unshadow: deployment_id environment_id expected_generation idempotency_key
    revisions prune: deployment_id environment_id expected_generation idempotency_key keep older_than_days
    env-packs add: answers environment_id expected_generation idempotency_key kind pack_ref slot
    env-packs update: answers environment_id expected_generation idempotency_key kind pack_ref slot
    env-packs remove: environment_id expected_generation idempotency_key slot
    env-packs rollback: environment_id expected_generation idempotency_key slot
    config set: deployment_id environment_id expected_generation idempotency_key values
    config unset: deployment_id environment_id expected_generation idempotency_key names
    secrets put: environment_id expected_generation fingerprint idempotency_key path
    secrets rotate: environment_id expected_generation fingerprint idempotency_key path
    secrets delete: environment_id expected_generation force idempotency_key path
    credentials import: environment_id expected_generation fingerprint idempotency_key
    credentials rotate: environment_id expected_generation fingerprint idempotency_key
    credentials bootstrap: environment_id expected_generation idempotency_key
    backups create: environment_id expected_generation idempotency_key
    backups restore: backup_id environment_id expected_generation file from_environment idempotency_key
    ");
}
