//! Whose signatures count: nothing unsigned, unknown, expired or revoked takes traffic.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::world::World;

/// `prod`, where anything may be done and nobody is trusted yet, and a bundle for it.
fn prod() -> (World, String) {
    let world = World::new();
    let bundle = world.bundle("v1");
    allow_all(&world);
    world.op("env create", &["prod"]);
    world.op("bundles add", &["prod", "hello", "--customer", "acme"]);
    (world, bundle)
}

/// A policy by which anybody may do anything.
pub(crate) fn allow_all(world: &World) {
    std::fs::create_dir_all(world.gtc.store_root()).unwrap();
    std::fs::set_permissions(world.gtc.store_root(), PermissionsExt::from_mode(0o700)).unwrap();
    let policy = world.gtc.store_root().join("all.cedar");
    std::fs::write(&policy, "permit (principal, action, resource);").unwrap();
    std::fs::set_permissions(&policy, PermissionsExt::from_mode(0o600)).unwrap();
}

pub(crate) fn key(world: &World, name: &str) -> (String, String) {
    let file = world.file(name);
    let made = world.gtc.run(&["bundle", "keygen", &file]).unwrap();
    (file, made["key_id"].as_str().unwrap().to_owned())
}

/// Why a bundle is not staged.
fn reason(world: &World, bundle: &str) -> String {
    let (code, said) = world.refused(&["op", "revisions", "stage", "prod", bundle], "");
    assert_eq!(code, 5, "{said}");
    said["error"]["details"]["reason"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn each_way_of_not_being_trusted_has_its_own_reason() {
    let (world, bundle) = prod();
    assert_eq!(reason(&world, &bundle), "no-signature");
    let (release, id) = key(&world, "release.pem");
    world.gtc.run(&["bundle", "sign", &bundle, "--key", &release]).unwrap();
    assert_eq!(reason(&world, &bundle), "unknown-key");
    let public = format!("{release}.pub");
    world.op("trust add", &["prod", "--key", &public, "--not-after", "2001-01-01T00:00:00Z"]);
    assert_eq!(reason(&world, &bundle), "expired-key");
    world.op("trust add", &["prod", "--key", &public]);
    assert_eq!(world.op("revisions stage", &["prod", &bundle])["sequence"], 1);
    assert_eq!(world.op("revisions warm", &["prod", "r1"])["lifecycle"], "ready");

    world.op("revisions stage", &["prod", &bundle]);
    world.op("trust revoke", &["prod", &id[..8]]);
    assert_eq!(reason(&world, &bundle), "revoked-key");
    let (code, said) = world.refused(&["op", "revisions", "warm", "prod", "r2"], "");
    assert_eq!(code, 7, "warm checks again");
    assert!(said["error"]["message"].as_str().unwrap().contains("signature"), "{said}");
    let (code, said) = world.refused(&["op", "traffic", "set", "prod", "r1=100"], "");
    assert_eq!(code, 5, "what is not serving yet does not begin to");
    assert!(said["error"]["message"].as_str().unwrap().contains("revoked"), "{said}");
    let listed = world.op("trust list", &["prod"]);
    assert_eq!(listed["keys"][0]["state"], "revoked");
}

#[test]
fn what_serves_when_its_bundle_is_revoked_goes_on_and_the_doctor_names_it() {
    let (world, bundle) = prod();
    let (release, _) = key(&world, "release.pem");
    world.op("trust add", &["prod", "--key", &format!("{release}.pub")]);
    world.gtc.run(&["bundle", "sign", &bundle, "--key", &release]).unwrap();
    let staged = world.op("revisions stage", &["prod", &bundle]);
    world.op("revisions warm", &["prod", "r1"]);
    world.op("traffic set", &["prod", "r1=100"]);
    let digest = staged["bundle_digest"].as_str().unwrap();
    world.op("trust revoke", &["prod", "--bundle", digest]);
    assert_eq!(world.op("traffic show", &["prod"])["entries"][0]["weight_bps"], 10_000);
    assert_eq!(reason(&world, &bundle), "revoked-bundle");
    let (code, said) = world.refused(&["op", "env", "doctor", "prod"], "");
    assert_eq!(code, 7);
    let findings = said["error"]["details"]["findings"].as_array().unwrap();
    let found: Vec<&Value> = findings.iter().filter(|it| it["check"] == "trust").collect();
    assert_eq!((found.len(), &found[0]["severity"]), (1, &json!("error")));
}

#[test]
fn two_keys_must_sign_where_two_are_asked_for_and_so_a_key_is_replaced() {
    let (world, bundle) = prod();
    let [(old, old_id), (new, _)] = [key(&world, "old.pem"), key(&world, "new.pem")];
    let (code, said) = world.refused(&["op", "trust", "threshold", "prod", "2"], "");
    assert_eq!(code, 5, "nobody could sign: {said}");
    for key in [&old, &new] {
        world.op("trust add", &["prod", "--key", &format!("{key}.pub")]);
    }
    world.op("trust threshold", &["prod", "2"]);
    world.gtc.run(&["bundle", "sign", &bundle, "--key", &old]).unwrap();
    assert_eq!(reason(&world, &bundle), "too-few-signatures");
    let signed = world.gtc.run(&["bundle", "sign", &bundle, "--key", &new]).unwrap();
    assert_eq!(signed["signatures"], 2);
    world.op("revisions stage", &["prod", &bundle]);
    assert_eq!(world.op("revisions warm", &["prod", "r1"])["lifecycle"], "ready");
    let (code, _) = world.refused(&["op", "trust", "revoke", "prod", &old_id], "");
    assert_eq!(code, 5, "too few would be left");
    world.op("trust threshold", &["prod", "1"]);
    world.op("trust revoke", &["prod", &old_id]);
    assert_eq!(world.op("revisions stage", &["prod", &bundle])["sequence"], 2);
}

#[test]
fn a_private_key_is_for_its_owner_only_and_never_written_over() {
    let world = World::new();
    let (file, _) = key(&world, "key.pem");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (code, _) = world.refused(&["bundle", "keygen", &file], "");
    assert_eq!(code, 4);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let bundle = world.bundle("v1");
    let (code, said) = world.refused(&["bundle", "sign", &bundle, "--key", &file], "");
    assert_eq!(code, 5, "{said}");
}
