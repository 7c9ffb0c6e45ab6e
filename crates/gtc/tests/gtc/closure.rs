//! What a revision pins is what it runs, and what two revisions differ in is told.

use std::fs;
use std::path::PathBuf;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::secrets::{needy, put};
use crate::world::World;

const OLD: &str = "the-first-value";
const NEW: &str = "the-second-value";

/// r1 of a bundle that reads `hello/api_key`, proven with [`OLD`], with all the traffic.
fn proven() -> World {
    let world = World::new();
    world.op("env init", &[]);
    let bundle = needy(&world);
    world.op("bundles add", &["hello"]);
    world.op("revisions stage", &[&bundle]);
    put(&world, "hello/api_key", OLD, &[]).unwrap();
    put(&world, "hello/other_key", "x", &[]).unwrap();
    world.op("revisions warm", &["r1"]);
    world.op("traffic set", &["r1=100"]);
    world
}

/// What the workload answers to who shows each value, in a data plane that has just been started.
fn answers(world: &World) -> [u16; 2] {
    let serving = world.gtc.start(&[]).unwrap();
    let mut connection = harness::Connection::open(&serving.address).unwrap();
    let ask = |key: &str| connection.ask("any.test", "/vault", &format!("x-api-key: {key}\r\n"));
    [OLD, NEW].map(ask).map(|answer| answer.unwrap().status)
}

/// The finding of this check that says this.
fn finding(diagnosis: &Value, check: &str, says: &str) -> Value {
    let findings = diagnosis["findings"].as_array().unwrap();
    let is_it =
        |it: &&Value| it["check"] == check && it["message"].as_str().unwrap().contains(says);
    findings.iter().find(is_it).unwrap_or_else(|| panic!("{diagnosis}")).clone()
}

fn typed(world: &World, command: &Value) -> Value {
    let words: Vec<&str> = command.as_str().unwrap().split(' ').skip(1).collect();
    world.gtc.run(&words).unwrap()
}

#[test]
fn a_revision_is_given_the_version_that_it_was_proven_with_until_another_one_takes_over() {
    let world = proven();
    assert_eq!(answers(&world), [200, 403]);
    let rotated = world.gtc.end(&["op", "secrets", "rotate", "hello/api_key"], NEW.as_bytes());
    let rotated: Value = serde_json::from_str(&rotated.unwrap().stdout).unwrap();
    let behind = &rotated["result"]["behind"];
    assert_eq!((&behind[0]["sequence"], &behind[0]["version"]), (&json!(1), &json!(1)));
    assert_eq!(answers(&world), [200, 403], "a restart changes nothing of it");
    assert_eq!(typed(&world, &behind[0]["mend"])["sequence"], 2);
    world.op("revisions warm", &["r2"]);
    let diff = world.op("revisions diff", &["r1", "r2"]);
    assert_eq!(diff["secrets"][0]["name"], "hello/api_key");
    let versions = ["from", "to"].map(|side| diff["secrets"][0][side]["version"].clone());
    assert_eq!((versions, &diff["files"]), ([json!(1), json!(2)], &json!([])));
    world.op("traffic set", &["r2=100"]);
    assert_eq!(answers(&world), [403, 200]);
    world.op("traffic rollback", &[]);
    assert_eq!(answers(&world), [200, 403], "what was is back, its secrets too");
    assert_eq!(world.op("env doctor", &[])["secrets"]["lost"], json!([]));
}

#[test]
fn a_pinned_version_that_is_gone_is_told_and_nothing_else_is_given_in_its_place() {
    let world = proven();
    world.op("secrets delete", &["hello/api_key", "--force"]);
    put(&world, "hello/api_key", NEW, &[]).unwrap();
    let (code, said) = world.refused(&["op", "env", "doctor"], "");
    assert_eq!(code, 7, "{said}");
    let details = &said["error"]["details"];
    assert_eq!(details["secrets"]["lost"][0]["version"], 1, "{said}");
    let finding = finding(details, "secrets", "pins version 1");
    assert_eq!(finding["severity"], "error");
    assert_eq!(answers(&world), [503, 503]);
    assert_eq!(typed(&world, &finding["mend"])["sequence"], 2);
    world.op("revisions warm", &["r2"]);
    world.op("traffic set", &["r2=100"]);
    assert_eq!(answers(&world), [403, 200]);
}

#[test]
fn a_sealed_value_whose_file_is_gone_is_told() {
    let world = proven();
    let values = world.gtc.store_root().join("local/secrets/values");
    for value in fs::read_dir(values).unwrap() {
        fs::remove_file(value.unwrap().path()).unwrap();
    }
    let (_, said) = world.refused(&["op", "env", "doctor"], "");
    let lost = said["error"]["details"]["secrets"]["lost"].as_array().unwrap();
    assert_eq!(lost.len(), 2, "{said}");
}

fn record(world: &World) -> PathBuf {
    let folder = world.gtc.store_root().join("local/revisions");
    let inside = |folder: PathBuf| fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    inside(inside(folder))
}

fn rewrite(world: &World, change: impl FnOnce(&mut Value)) {
    let file = record(world);
    let mut revision: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut revision);
    fs::write(&file, revision.to_string()).unwrap();
}

#[test]
fn a_revision_that_was_warmed_before_anything_was_pinned_is_given_the_newest() {
    let world = proven();
    rewrite(&world, |revision| {
        revision.as_object_mut().unwrap().remove("pinned").unwrap();
    });
    let behind = put(&world, "hello/api_key", NEW, &[]).unwrap();
    assert_eq!(behind["behind"][0]["version"], Value::Null);
    assert_eq!(answers(&world), [403, 200]);
}

#[test]
fn another_engine_is_a_warning() {
    let world = proven();
    rewrite(&world, |revision| revision["pinned"]["engine"] = "wasmtime-older".into());
    let diagnosis = world.op("env doctor", &[]);
    assert_eq!(diagnosis["healthy"], true);
    assert_eq!(finding(&diagnosis, "engine", "wasmtime-older")["severity"], "warning");
    assert_eq!(answers(&world), [200, 403], "it serves all the same");
}

/// A static bundle called `page` with this page, and what `more` adds to its manifest.
fn page(world: &World, version: &str, files: &[(&str, &str)], more: &str) -> String {
    let dir = world.folder.path().join(version);
    fs::create_dir_all(dir.join("site")).unwrap();
    for (name, text) in files {
        fs::write(dir.join("site").join(name), text).unwrap();
    }
    let manifest = format!(
        "schema: greentic.bundle.v1\nbundle_id: page\nversion: {version}\npacks:\n  \
         - {{pack_id: site, kind: static, path: site}}\n{more}"
    );
    fs::write(dir.join("bundle.yaml"), manifest).unwrap();
    let file = world.file(&format!("{version}.gtbundle"));
    world.gtc.run(&["bundle", "build", dir.to_str().unwrap(), "--output", &file]).unwrap();
    file
}

fn two_pages() -> World {
    let world = World::new();
    world.op("env init", &[]);
    world.op("bundles add", &["page"]);
    world.op("config set", &["colour=red", "--deployment", "page"]);
    let first = page(&world, "1.0.0", &[("index.html", "one"), ("gone.txt", "x")], "");
    world.op("revisions stage", &[&first]);
    world.op("revisions warm", &["r1"]);
    world.op("config set", &["colour=blue", "size=2", "--deployment", "page"]);
    let more = "secrets: [{name: api_key, required: true}]\n";
    let second = page(&world, "1.1.0", &[("index.html", "second"), ("new.txt", "")], more);
    world.op("revisions stage", &[&second, "--drain-seconds", "60"]);
    world
}

#[test]
fn two_revisions_are_compared_for_people() {
    let world = two_pages();
    let _steady = crate::tables::steady().bind_to_scope();
    let show = |words: &[&str]| crate::tables::shown(&world, words);
    assert_snapshot!(show(&["op", "revisions", "diff", "r1", "r2"]), @"
    from       r1 0 %
    to         r2 0 %
    identical  no

    summary
    part         added  removed  changed  not shown
    revision     0      1        4        0
    packs        0      0        1        0
    permissions  1      0        0        0
    config       1      0        1        0
    secrets      0      0        0        0
    files        1      1        2        0

    revision
    name           change   from                       to
    bundle_digest  changed  <digest>               <digest>
    config_digest  changed  <digest>               <digest>
    drain_seconds  changed  30                         60
    engine         removed  wasmtime-<hash>  –
    version        changed  1.0.0                      1.1.0

    packs
    name  change   from                                           to
    site  changed  kind=static public path=/ digest=<digest>  kind=static public path=/ digest=<digest>

    permissions
    name            change  to
    secret api_key  added   required

    config
    name    change   from  to
    colour  changed  red   blue
    size    added    –     2

    secrets
    none

    files
    name             change   from                                to
    bundle.yaml      changed  size bytes=111 digest=<digest>  size bytes=154 digest=<digest>
    site/gone.txt    removed  size bytes=1 digest=<digest>    –
    site/index.html  changed  size bytes=3 digest=<digest>    size bytes=6 digest=<digest>
    site/new.txt     added    –                                   size bytes=0 digest=<digest>
    ");
    assert_snapshot!(show(&["op", "revisions", "diff", "r1", "r1", "--limit", "1"]), @"
    from       r1 0 %
    to         r1 0 %
    identical  yes

    summary
    part         added  removed  changed  not shown
    revision     0      0        0        0
    packs        0      0        0        0
    permissions  0      0        0        0
    config       0      0        0        0
    secrets      0      0        0        0
    files        0      0        0        0

    revision
    none

    packs
    none

    permissions
    none

    config
    none

    secrets
    none

    files
    none
    ");
    let closure = show(&["op", "revisions", "show", "r1"]);
    assert_snapshot!(closure.split_once("closure").unwrap().1, @"
    part       name        pinned to                                                         note
    bundle     page 1.0.0  <digest>                                                      –
    pack       site        <digest>                                                      static at /
    config     1 value     <digest>                                                      –
    signature  key         <sha256>  –
    engine     proven by   wasmtime-<hash>                                         –
    ");
}

#[test]
fn a_diff_says_how_much_it_does_not_show() {
    let world = two_pages();
    let diff = world.op("revisions diff", &["local", "r1", "r2", "--limit", "1"]);
    let files = diff["summary"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        files,
        json!({"part": "files", "added": 1, "removed": 1, "changed": 2, "not_shown": 3})
    );
    assert_eq!(diff["files"].as_array().unwrap().len(), 1);
}

#[test]
fn a_bundle_that_is_gone_or_was_changed_cannot_be_compared() {
    let world = two_pages();
    let digest = world.op("revisions show", &["r2"])["revision"]["bundle_digest"].clone();
    let hex = digest.as_str().unwrap().trim_start_matches("sha256:");
    let artifact = world.gtc.store_root().join("local/artifacts/sha256").join(hex);
    let mut bytes = fs::read(&artifact).unwrap();
    bytes.push(0);
    fs::write(&artifact, bytes).unwrap();
    let diff = ["op", "revisions", "diff", "r1", "r2"];
    let (code, said) = world.refused(&diff, "");
    assert_eq!(code, 5, "{said}");
    fs::remove_file(&artifact).unwrap();
    let (code, said) = world.refused(&diff, "");
    assert_eq!((code, &said["error"]["details"]["bundle_digest"]), (3, &digest), "{said}");
    let (code, _) = world.refused(&["op", "revisions", "diff", "r1", "r9"], "");
    assert_eq!(code, 3);
    let (code, said) = world.refused(&["op", "revisions", "diff", "r1"], "");
    assert_eq!((code, &said["error"]["hint"]), (2, &json!("gtc op revisions diff r1 r2")));
}
