//! Env-packs from elsewhere: bound by a tag, pinned by a digest, vouched for, and asked from the
//! pinned bytes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::registries::Server;
use crate::trust::{allow_all, key};
use crate::world::{World, root};

/// The actor of the crate `plugin`, which says what is written over this mark.
const MARK: &[u8] = b"@@ the script of the actor begins here @@";
const KIND: &str = "acme.deployer.cluster";

fn actor() -> &'static [u8] {
    static ACTOR: OnceLock<Vec<u8>> = OnceLock::new();
    let built = || std::fs::read(built("crates/plugin/tests/guests/actor", "actor")).unwrap();
    ACTOR.get_or_init(built)
}

/// The env-pack of the examples.
pub(crate) fn example() -> PathBuf {
    built("examples/env-pack", "example_deployer")
}

fn built(crate_dir: &str, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("guests");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--locked", "--target", "wasm32-wasip2"])
        .arg("--manifest-path")
        .arg(root().join(crate_dir).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&folder)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status();
    assert!(built.unwrap().success(), "is the target wasm32-wasip2 installed?");
    folder.join(format!("wasm32-wasip2/release/{name}.wasm"))
}

/// A component that plays `script`, in a file.
fn played(world: &World, name: &str, script: &str) -> String {
    let mut bytes = actor().to_vec();
    let at = bytes.windows(MARK.len()).position(|part| part == MARK).unwrap();
    bytes[at..at + MARK.len()].fill(b' ');
    bytes[at..at + script.len()].copy_from_slice(script.as_bytes());
    let file = world.file(name);
    std::fs::write(&file, bytes).unwrap();
    file
}

fn said(version: &str) -> Value {
    json!({
        "schema": "greentic.env-pack.v1",
        "kind": format!("{KIND}@{version}"),
        "slot": "deployer",
        "settings": {
            "type": "object",
            "properties": {"region": {"type": "string"}, "size": {"type": "integer"},
                           "play": {"type": "string"}},
            "additionalProperties": false,
        },
        "setup": {"schema": "greentic.setup.v1", "questions": [
            {"name": "region", "kind": "text", "prompt": "Which region?"},
            {"name": "token", "kind": "secret", "prompt": "The token?", "required": false},
        ]},
        "tools": [{"tool": "kubectl", "versions": ">=1.28"}],
        "credentials": [{"permission": "eks:DescribeCluster", "reason": "to find the cluster"}],
    })
}

fn pack(world: &World, version: &str) -> String {
    played(world, &format!("cluster-{version}.wasm"), &said(version).to_string())
}

fn kind(version: &str) -> String {
    format!("{KIND}@{version}")
}

fn deployer(world: &World) -> Value {
    let listed = world.op("env-packs list", &[]);
    let bindings = listed["bindings"].as_array().unwrap();
    bindings.iter().find(|binding| binding["slot"] == "deployer").unwrap().clone()
}

fn local() -> World {
    let world = World::new();
    world.op("env init", &[]);
    world
}

fn update(world: &World, version: &str, pack_ref: &str, more: &[&str]) -> Value {
    let kind = kind(version);
    let words = ["deployer", "--kind", &kind, "--pack-ref", pack_ref];
    world.op("env-packs update", &[&words[..], more].concat())
}

fn refused(world: &World, words: &[&str]) -> (i32, Value) {
    let (code, said) = world.refused(&[&["op"], words].concat(), "");
    (code, said["error"].clone())
}

/// The file of what the deployer is pinned to.
fn artifact(world: &World, environment: &str, digest: &Value) -> PathBuf {
    let hex = digest.as_str().unwrap().strip_prefix("sha256:").unwrap();
    world.gtc.store_root().join(environment).join("artifacts/sha256").join(hex)
}

/// Kind, place, more words; exit code, what is pointed to, what is said.
type Case<'a> = (&'a str, String, &'a [&'a str], i32, &'a str, &'a str);

#[test]
fn a_tag_is_pinned_by_the_digest_it_stood_for_and_moves_only_when_it_is_asked_to() {
    let world = local();
    let server = Server::start(&world);
    let tag = server.at("packs/cluster:stable");
    let push = |version: &str| {
        world.gtc.run(&["bundle", "push", &pack(&world, version), &tag]).unwrap()["digest"].clone()
    };
    let first = push("1.0.0");
    world.op("env-packs remove", &["deployer"]);
    let words = ["--kind", &kind("1.0.0"), "--pack-ref", &tag, "--answer", "region=eu"];
    let added = world.op("env-packs add", &[&["deployer"], &words[..]].concat());
    assert_eq!((&added["digest"], &added["pack_ref"]), (&first, &json!(tag)));
    assert!(artifact(&world, "local", &first).exists());

    let second = push("1.1.0");
    assert_ne!(first, second);
    assert_eq!(deployer(&world)["digest"], first, "the tag moved, the binding did not");
    let changed = world.op("env-packs update", &["deployer", "--answer", "region=us"]);
    assert_eq!(changed["digest"], first, "settings change without the code");
    let (code, error) = refused(&world, &["env-packs", "update", "deployer", "--pack-ref", &tag]);
    assert_eq!((code, &error["details"]["pointer"]), (2, &json!("/kind")), "{error}");
    assert!(error["message"].as_str().unwrap().contains("1.1.0"), "{error}");
    let rehearsed = refused(
        &world,
        &["env-packs", "update", "deployer", "--pack-ref", &server.at("packs/cluster:nowhere")],
    );
    assert_eq!(rehearsed.0, 3, "{}", rehearsed.1);
    let updated = world.op("env-packs update", &["deployer", "--kind", &kind("1.1.0")]);
    assert_eq!(updated["digest"], second, "a new version comes from where the old one came from");
    assert_eq!(world.op("env doctor", &[])["healthy"], true);

    drop(server);
    let back = world.op("env-packs rollback", &["deployer"]);
    assert_eq!((&back["digest"], &back["kind"]), (&first, &json!(kind("1.0.0"))));
    assert_eq!(world.op("env doctor", &[])["healthy"], true);
    let digest = second.as_str().unwrap();
    assert_eq!(update(&world, "1.1.0", digest, &[])["digest"], second, "it is held already");
}

#[test]
fn a_bound_pack_asks_and_needs_what_it_says() {
    let world = local();
    let file = pack(&world, "1.0.0");
    let bound = update(&world, "1.0.0", &file, &["--answer", "size=3"]);
    assert_eq!(bound["pack_ref"], json!(file));
    let needs = world.op("credentials requirements", &[]);
    assert_eq!(needs["requirements"][0]["permission"], "eks:DescribeCluster");
    let mut checked = world.gtc.command(&["op", "env", "tool-check"]);
    let checked = checked.env("PATH", "/nowhere").output().unwrap();
    assert_eq!(checked.status.code(), Some(7));
    let told: Value = serde_json::from_slice(&checked.stderr).unwrap();
    let row = &told["error"]["details"]["per_binding"][0]["outcomes"][0];
    assert_eq!((&row["tool"], &row["check"]), (&json!("kubectl"), &json!("presence")));

    // The file is not what is asked: the pinned bytes are.
    std::fs::write(&file, "gone").unwrap();
    let bundle = world.bundle("v1");
    let schema = world.gtc.end(&["setup", &bundle, "--schema"], b"").unwrap();
    assert!(schema.stdout.contains("deployer.region"), "{}", schema.stdout);
    let (code, said) = world.refused(&["setup", &bundle, "--non-interactive"], "");
    assert_eq!(code, 2);
    assert_eq!(said["error"]["details"]["pointer"], "/deployer.region", "{said}");
    let answers = json!({"deployer.region": "eu", "deployer.token": "hunter2-of-the-cluster"});
    let ended =
        world.gtc.end(&["setup", &bundle, "--answers", "-"], answers.to_string().as_bytes());
    let ended = ended.unwrap();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let shown = world.op("env show", &[]);
    let bindings = shown["environment"]["bindings"].as_array().unwrap();
    let deployer = bindings.iter().find(|binding| binding["slot"] == "deployer").unwrap();
    assert_eq!(deployer["answers"], json!({"region": "eu", "size": 3}), "settings stay");
    let secrets = world.op("secrets list", &[]).to_string();
    assert!(secrets.contains("env-packs/deployer/token"), "{secrets}");
}

#[test]
fn what_cannot_be_right_is_refused_before_anything_is_bound() {
    let world = local();
    let before = deployer(&world);
    let file = pack(&world, "1.0.0");
    let kind_1 = kind("1.0.0");
    let try_update = |slot: &str, kind: &str, pack_ref: &str, more: &[&str]| {
        let words = ["env-packs", "update", slot, "--kind", kind, "--pack-ref", pack_ref];
        let (code, error) = refused(&world, &[&words[..], more].concat());
        (code, error["details"]["pointer"].as_str().unwrap_or_default().to_owned(), error)
    };
    for slot in ["secrets", "sessions", "state", "telemetry"] {
        let (code, at, error) = try_update(slot, &kind_1, &file, &[]);
        assert_eq!((code, at.as_str()), (5, "/pack_ref"), "{error}");
    }
    let other = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut said = said("1.0.0");
        change(&mut said);
        played(&world, name, &said.to_string())
    };
    let builtin = "greentic.deployer.local-process@0.1.0";
    let text = world.file("text.wasm");
    std::fs::write(&text, "hello").unwrap();
    let cases: [Case<'_>; 10] = [
        (&kind_1, file.clone(), &["--answer", "colour=red"], 2, "/answers/colour", "no setting"),
        (&kind_1, file.clone(), &["--answer", "play=object"], 2, "/answers/play", "only a play"),
        (&kind_1, file.clone(), &["--answer", "play=spin"], 2, "/pack_ref", "cannot be used"),
        ("acme.deployer.cluster@1.0.1", file.clone(), &[], 2, "/kind", "not `acme"),
        (
            &kind_1,
            other("slot.wasm", &|said| said["slot"] = json!("revocation")),
            &[],
            2,
            "/kind",
            "fills slot",
        ),
        (
            builtin,
            other("kind.wasm", &|said| said["kind"] = json!(builtin)),
            &[],
            2,
            "/pack_ref",
            "part of gtc",
        ),
        (&kind_1, text, &[], 2, "/pack_ref", "no component"),
        (&kind_1, world.file("absent.wasm"), &[], 3, "/pack_ref", "no file"),
        (&kind_1, "ftp://example.org/x".into(), &[], 2, "/pack_ref", "oci://"),
        (&kind_1, world.folder.path().display().to_string(), &[], 2, "/pack_ref", "not a file"),
    ];
    for (kind, pack_ref, more, code, at, why) in cases {
        let got = try_update("deployer", kind, &pack_ref, more);
        assert_eq!((got.0, got.1.as_str()), (code, at), "{}", got.2);
        assert!(got.2["message"].as_str().unwrap().contains(why), "{why}: {}", got.2);
    }
    for script in ["spin", "hog", "trap", "giant 300000"] {
        let file = played(&world, "hostile.wasm", script);
        let (code, at, error) = try_update("deployer", &kind_1, &file, &[]);
        assert_eq!((code, at.as_str()), (2, "/pack_ref"), "{script}: {error}");
        assert!(error["message"].as_str().unwrap().contains("hostile.wasm"), "{error}");
    }
    assert_eq!(deployer(&world), before);
    let tried = world.op("audit list", &["local", "--outcome", "refused"]).to_string();
    assert!(tried.contains("env-packs"), "what was tried is in the audit log");
}

#[test]
fn nobody_binds_what_no_trusted_key_has_signed() {
    let world = World::new();
    allow_all(&world);
    world.op("env create", &["prod"]);
    world.op("env-packs remove", &["prod", "deployer"]);
    let server = Server::start(&world);
    let file = pack(&world, "1.0.0");
    let tag = server.at("packs/cluster:1.0.0");
    let push = || world.gtc.run(&["bundle", "push", &file, &tag]).unwrap();
    let kind = kind("1.0.0");
    let words = ["prod", "deployer", "--kind", &kind, "--pack-ref"];
    let reason = |pack_ref: &str| {
        let (code, error) =
            refused(&world, &[&["env-packs", "add"], &words[..], &[pack_ref]].concat());
        assert_eq!((code, &error["details"]["pointer"]), (5, &json!("/pack_ref")), "{error}");
        error["details"]["reason"].as_str().unwrap_or_default().to_owned()
    };
    push();
    assert_eq!((reason(&file), reason(&tag)), ("no-signature".into(), "no-signature".into()));
    let (release, id) = key(&world, "release.pem");
    let signed = world.gtc.run(&["bundle", "sign", &file, "--key", &release]).unwrap();
    assert_eq!(signed["kind"], kind);
    assert_eq!(push()["signatures"], 1);
    assert_eq!((reason(&file), reason(&tag)), ("unknown-key".into(), "unknown-key".into()));
    world.op("trust add", &["prod", "--key", &format!("{release}.pub")]);
    let tampered =
        played(&world, "tampered.wasm", &said("1.0.0").to_string().replace("eks:", "s3:"));
    std::fs::copy(format!("{file}.dsse.json"), format!("{tampered}.dsse.json")).unwrap();
    assert_eq!(reason(&tampered), "wrong-subject");

    let rehearsed = world.op("env-packs add", &[&words[..], &[&tag, "--dry-run"]].concat());
    assert_eq!(rehearsed["error"], Value::Null, "a rehearsal judges the signature that would come");
    world.op("env-packs add", &[&words[..], &[&tag]].concat());
    assert_eq!(world.op("credentials requirements", &["prod"])["offers_bootstrap"], false);
    world.op("trust revoke", &["prod", &id[..8]]);
    let (code, error) = refused(&world, &["credentials", "requirements", "prod"]);
    assert_eq!((code, &error["details"]["reason"]), (5, &json!("revoked-key")), "{error}");
    let (code, error) = refused(&world, &["env", "doctor", "prod"]);
    assert_eq!(code, 7);
    assert!(error["details"]["findings"].to_string().contains(&kind), "{error}");
}

#[test]
fn code_that_was_altered_or_lost_is_not_used_and_comes_back_from_where_it_was() {
    let world = local();
    let file = pack(&world, "1.0.0");
    let digest = update(&world, "1.0.0", &file, &[])["digest"].clone();
    let held = artifact(&world, "local", &digest);
    let bytes = std::fs::read(&held).unwrap();
    let made = world.op("backups create", &[]);
    let backup = made["backup_id"].as_str().unwrap();
    for (damage, code, why) in
        [(Some(b"\0asm".to_vec()), 7, "was altered"), (None, 3, "is not here any more")]
    {
        match damage {
            Some(damaged) => std::fs::write(&held, damaged).unwrap(),
            None => std::fs::remove_file(&held).unwrap(),
        }
        let (got, error) = refused(&world, &["credentials", "requirements"]);
        assert_eq!(got, code, "{error}");
        assert!(error["message"].as_str().unwrap().contains(why), "{error}");
        let (got, error) = refused(&world, &["env", "doctor"]);
        assert_eq!(got, 7, "{error}");
        let mend = error["hint"].as_str().unwrap();
        assert_eq!(mend, format!("gtc op env-packs update local deployer --pack-ref {file}"));
        let again = world.op("env-packs update", &["deployer", "--pack-ref", &file]);
        assert_eq!((&again["digest"], &again["generation"]), (&digest, &json!(1)));
        assert_eq!(std::fs::read(&held).unwrap(), bytes);
        assert_eq!(world.op("env doctor", &[])["healthy"], true);
    }
    world.op("env-packs rollback", &["deployer"]);
    std::fs::remove_file(&held).unwrap();
    let (code, error) = refused(&world, &["env-packs", "rollback", "deployer"]);
    assert_eq!(code, 3, "{error}");
    let (code, error) = refused(&world, &["backups", "restore", "--backup", backup]);
    assert_eq!(code, 5, "{error}");
    assert!(error["message"].as_str().unwrap().contains("env-pack sha256:"), "{error}");
    std::fs::write(&held, &bytes).unwrap();
    world.op("backups restore", &["--backup", backup]);
    assert_eq!(deployer(&world)["digest"], digest);
}
