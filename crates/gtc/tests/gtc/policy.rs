//! Nothing is allowed outside `local` until a policy grants it, and the refusal says which would.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::world::World;

#[test]
fn another_environment_is_refused_until_the_policy_that_the_refusal_names_is_there() {
    let world = World::new();
    world.op("env init", &[]);
    let create = ["op", "env", "create", "prod-eu", "--name", "Production"];
    let (code, said) = world.refused(&create, "");
    assert_eq!((code, &said["error"]["kind"]), (5, &json!("refused")));
    let grant = said["error"]["details"]["smallest_grant"].as_str().unwrap();
    let hint = said["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("policy.cedar") && hint.contains(grant), "{hint}");
    let check = ["policy", "check", "env", "create", "prod-eu"];
    let explained = world.gtc.run(&check).unwrap();
    assert_eq!(
        (&explained["decision"], &explained["smallest_grant"]),
        (&json!("deny"), &json!(grant))
    );

    let file = world.gtc.store_root().join("policy.cedar");
    std::fs::write(&file, grant).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let created = world.gtc.run(&create).unwrap();
    assert_eq!(created["environment_id"], "prod-eu");
    assert_eq!(world.gtc.run(&check).unwrap()["policy"], "policy.cedar#1");
    let add = ["op", "bundles", "add", "prod-eu", "hello", "--customer", "acme"];
    let (code, _) = world.refused(&add, "");
    assert_eq!(code, 5, "that was not granted");
    let log = world.op("audit list", &["prod-eu"]);
    let told: Vec<&Value> =
        log["events"].as_array().unwrap().iter().map(|e| &e["authorization"]["policy"]).collect();
    assert_eq!(told, [&json!("default/closed"), &json!("policy.cedar#1")]);
    assert_eq!(world.op("env list", &[])["environments"].as_array().unwrap().len(), 2);
}

#[test]
fn a_freeze_holds_on_local_too_and_a_broken_policy_locks_nobody_out_of_it() {
    let world = World::new();
    world.op("env init", &[]);
    let file = world.gtc.store_root().join("freeze.cedar");
    let write = |text: &str| {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("forbid (principal, action in Action::\"write\", resource);");
    let (code, said) = world.refused(&["op", "config", "set", "a=1"], "");
    assert_eq!((code, &said["error"]["details"]["policy"]), (5, &json!("freeze.cedar#1")));
    write("forbid (principal, act");
    world.op("config set", &["a=1"]);
    let (code, said) = world.refused(&["op", "env", "create", "prod"], "");
    assert_eq!(code, 5);
    assert!(said["error"]["message"].as_str().unwrap().contains("freeze.cedar"), "{said}");
}
