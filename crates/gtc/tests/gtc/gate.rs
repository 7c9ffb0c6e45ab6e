//! `ready` is a proof: a bundle that does not answer well ends failed, with the reason.

use std::path::Path;

use crate::world::World;

/// A static bundle called `page`, with what `more` adds to its manifest.
fn page(world: &World, more: &str) -> String {
    let dir = world.folder.path().join("page");
    std::fs::create_dir_all(dir.join("site")).unwrap();
    std::fs::write(dir.join("site/index.html"), "<h1>hello</h1>").unwrap();
    let manifest = format!(
        "schema: greentic.bundle.v1\nbundle_id: page\nversion: 1.0.0\npacks:\n  \
         - {{pack_id: site, kind: static, path: site}}\n{more}"
    );
    std::fs::write(dir.join("bundle.yaml"), manifest).unwrap();
    let file = world.file("page.gtbundle");
    world.gtc.run(&["bundle", "build", dir.to_str().unwrap(), "--output", &file]).unwrap();
    file
}

fn check(world: &World, more: &str) -> (i32, serde_json::Value) {
    world.op("env init", &[]);
    world.op("bundles add", &["page"]);
    world.op("revisions stage", &[&page(world, more)]);
    world.refused(&["op", "revisions", "warm", "r1"], "")
}

fn assert_failed(world: &World, (code, envelope): (i32, serde_json::Value), name: &str) {
    assert_eq!(code, 7, "{envelope}");
    let gate = envelope["error"]["details"]["gate"].as_array().unwrap();
    let failed = gate.iter().find(|check| check["status"] == "fail").unwrap();
    assert_eq!(failed["check"], name, "{envelope}");
    assert_eq!(world.op("revisions show", &["r1"])["revision"]["lifecycle"], "failed");
    let (code, _) = world.refused(&["op", "traffic", "set", "r1=100"], "");
    assert_eq!(code, 5, "a failed revision takes no traffic");
}

#[test]
fn an_unready_bundle_fails_by_its_probe() {
    let world = World::new();
    let ended = check(&world, "health: {readiness_path: /missing}\n");
    assert_failed(&world, ended, "readiness");
}

#[test]
fn a_missing_secret_fails_the_gate() {
    let world = World::new();
    let ended = check(&world, "secrets: [{name: api_key, required: true}]\n");
    assert_failed(&world, ended, "secrets");
}

#[test]
fn bytes_that_changed_after_staging_fail_by_their_digest() {
    let world = World::new();
    world.op("env init", &[]);
    world.op("bundles add", &["page"]);
    let staged = world.op("revisions stage", &[&page(&world, "")]);
    let digest = staged["bundle_digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let artifact = world.gtc.store_root().join("local/artifacts/sha256").join(digest);
    flip_last_byte(&artifact);
    let ended = world.refused(&["op", "revisions", "warm", "r1"], "");
    assert_failed(&world, ended, "digest");
}

#[test]
fn a_signature_that_is_gone_fails_the_gate() {
    let world = World::new();
    world.op("env init", &[]);
    world.op("bundles add", &["page"]);
    let staged = world.op("revisions stage", &[&page(&world, "")]);
    let digest = staged["bundle_digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();
    let folder = world.gtc.store_root().join("local/artifacts/sha256");
    std::fs::remove_file(folder.join(format!("{digest}.dsse.json"))).unwrap();
    let ended = world.refused(&["op", "revisions", "warm", "r1"], "");
    assert_failed(&world, ended, "signature");
}

fn flip_last_byte(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(file, bytes).unwrap();
}
