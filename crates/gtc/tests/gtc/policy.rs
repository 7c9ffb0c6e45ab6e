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
    assert!(hint.contains("policy.cedar") && grant.contains("env.create"), "{hint}");
    let check = ["policy", "check", "env", "create", "prod-eu"];
    let explained = world.gtc.run(&check).unwrap();
    assert_eq!(
        (&explained["decision"], &explained["smallest_grant"]),
        (&json!("deny"), &json!(grant))
    );

    write(&world, "policy.cedar", grant);
    let created = world.gtc.run(&create).unwrap();
    assert_eq!(created["environment_id"], "prod-eu");
    assert_eq!(world.gtc.run(&check).unwrap()["policy"], "policy.cedar#1");
    let add = ["op", "bundles", "add", "prod-eu", "hello", "--customer", "acme"];
    let (code, _) = world.refused(&add, "");
    assert_eq!(code, 5, "that was not granted");
    let (code, said) = world.refused(&["op", "audit", "list", "prod-eu"], "");
    assert_eq!((code, &said["error"]["kind"]), (5, &json!("refused")), "nor was looking");
    let listed = world.op("env list", &[]);
    assert_eq!(listed["environments"].as_array().unwrap().len(), 1);
    assert_eq!(listed["problems"][0]["environment_id"], "prod-eu");

    let read = "permit (principal, action in Action::\"read\", resource);";
    write(&world, "readers.cedar", read);
    let log = world.op("audit list", &["prod-eu"]);
    let told: Vec<(&str, &str)> = log["events"].as_array().unwrap().iter().map(told).collect();
    let closed = "default/closed";
    assert_eq!(
        told,
        [("list", closed), ("list", closed), ("add", closed), ("create", "policy.cedar#1"),]
    );
    assert_eq!(world.op("env list", &[])["environments"].as_array().unwrap().len(), 2);
}

fn told(event: &Value) -> (&str, &str) {
    let text = |value: &'static str| event.pointer(value).and_then(Value::as_str).unwrap();
    (text("/verb"), text("/authorization/policy"))
}

fn write(world: &World, name: &str, text: &str) {
    let file = world.gtc.store_root().join(name);
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A refusal comes before anything is found out: no value is sealed, no bundle taken in.
#[test]
fn what_is_refused_leaves_nothing_but_its_line_in_the_audit_log() {
    let world = World::new();
    world.op("env init", &[]);
    write(&world, "freeze.cedar", "forbid (principal, action in Action::\"write\", resource);");
    let before = files(&world);
    let put = ["op", "secrets", "put", "hello/key"];
    assert_eq!(world.refused(&put, "s3cret").0, 5);
    assert_eq!(world.refused(&["op", "revisions", "stage", "no-such.gtbundle"], "").0, 5);
    assert_eq!(world.refused(&["op", "backups", "create"], "").0, 5);
    let after: Vec<_> = files(&world).into_iter().filter(|path| !before.contains(path)).collect();
    assert_eq!(after, [] as [std::path::PathBuf; 0]);
    let refused = world.op("audit list", &["--outcome", "refused"]);
    assert_eq!(refused["events"].as_array().unwrap().len(), 3);
}

fn files(world: &World) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![world.gtc.store_root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found
}

#[test]
fn a_freeze_holds_on_local_too_and_a_broken_policy_locks_nobody_out_of_it() {
    let world = World::new();
    world.op("env init", &[]);
    let write = |text: &str| write(&world, "freeze.cedar", text);
    write("forbid (principal, action in Action::\"write\", resource);");
    let (code, said) = world.refused(&["op", "config", "set", "a=1"], "");
    assert_eq!((code, &said["error"]["details"]["policy"]), (5, &json!("freeze.cedar#1")));
    write("forbid (principal, act");
    world.op("config set", &["a=1"]);
    let (code, said) = world.refused(&["op", "env", "create", "prod"], "");
    assert_eq!(code, 5);
    assert!(said["error"]["message"].as_str().unwrap().contains("freeze.cedar"), "{said}");
}
