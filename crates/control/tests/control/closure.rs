//! What a revision pins when its gate is green, and who holds on to which version of a secret.

use control::revisions::{self, Contents, FileFound, GateReport};
use control::{Lookup as _, secrets};
use deploy_spec::{BundleManifest, Digest, Fault, Kind, Lifecycle, SecretNeed, SecretRef};
use serde_json::{Value, json};

use crate::world::{World, green, handle_of, pretty, red, sealed, staged_bundle};

const PATH: &str = "fast2flow/api-key";

fn reference() -> SecretRef {
    format!("secret://local/{PATH}").parse().unwrap()
}

/// Stages a revision that reads [`PATH`].
fn stage(world: &mut World, version: &str) {
    let mut bundle = staged_bundle("fast2flow", version);
    bundle.secrets = vec![SecretNeed { name: "api-key".into(), required: true, description: None }];
    world.ask_with::<revisions::Stage>(json!({"bundle": "x"}), &bundle).unwrap();
}

/// What the gate of the data plane says when it is green: with the newest versions.
fn report(world: &World) -> GateReport {
    let mut report = green();
    report.pinned.secrets = secrets::newest_pins(&world.memory, &[reference()]).unwrap();
    report
}

fn warm(world: &mut World, name: &str, report: &GateReport) -> Result<Value, Fault> {
    world.ask_with::<revisions::Warm>(json!({"revision_id": name}), report)
}

/// r1, proven with version 1.
fn proven() -> World {
    let mut world = World::serving(0);
    stage(&mut world, "1.0.0");
    world.put_secret(PATH, "one").unwrap();
    let report = report(&world);
    warm(&mut world, "r1", &report).unwrap();
    world
}

fn pinned_version(world: &World, name: &str) -> Option<u64> {
    world.revision(name).pin_of(&reference()).map(|pin| pin.version)
}

fn versions(world: &World) -> Vec<u64> {
    let secret = world.memory.secret(&PATH.parse().unwrap()).unwrap().unwrap();
    secret.versions.iter().map(|version| version.version).collect()
}

#[test]
fn a_green_gate_pins_the_engine_and_the_versions_and_a_red_one_nothing() {
    let world = proven();
    let pinned = world.revision("r1").pinned.unwrap();
    assert_eq!((pinned.engine.as_str(), pinned.secrets.len()), ("engine-1", 1));
    assert_eq!(
        (pinned.secrets[0].version, pinned.secrets[0].value_ref.as_str()),
        (1, "sealed/one")
    );
    let mut world = World::serving(0);
    stage(&mut world, "1.0.0");
    warm(&mut world, "r1", &red()).unwrap_err();
    assert_eq!(world.revision("r1").pinned, None);
}

#[test]
fn a_revision_keeps_its_versions_and_the_next_one_gets_the_newest() {
    let mut world = proven();
    world.put_secret(PATH, "two").unwrap();
    stage(&mut world, "1.0.1");
    let newest = report(&world);
    warm(&mut world, "r2", &newest).unwrap();
    assert_eq!((pinned_version(&world, "r1"), pinned_version(&world, "r2")), (Some(1), Some(2)));
    world.force("r1", Lifecycle::Inactive);
    world.ask::<revisions::Retry>(json!({"revision_id": "r1"})).unwrap();
    let other = GateReport {
        pinned: deploy_spec::Pinned { engine: "engine-2".into(), ..newest.pinned.clone() },
        ..newest
    };
    warm(&mut world, "r1", &other).unwrap();
    assert_eq!(pinned_version(&world, "r1"), Some(1), "it was proven with that one");
    assert_eq!(world.revision("r1").pinned.unwrap().engine, "engine-2", "which proved it now");
}

#[test]
fn a_version_that_went_while_the_gate_ran_is_a_conflict() {
    let mut world = World::serving(0);
    stage(&mut world, "1.0.0");
    world.put_secret(PATH, "one").unwrap();
    let report = report(&world);
    world.ask::<secrets::Delete>(json!({"path": PATH, "force": true})).unwrap();
    world.put_secret(PATH, "other").unwrap();
    let fault = warm(&mut world, "r1", &report).unwrap_err();
    assert_eq!(fault.kind, Kind::Conflict, "the number is the same, the value is not");
    assert_eq!(world.revision("r1").lifecycle, Lifecycle::Staged);
}

#[test]
fn a_new_value_tells_who_is_given_an_older_one_and_what_to_type() {
    let mut world = proven();
    stage(&mut world, "1.0.1");
    let put = world.put_secret(PATH, "two");
    insta::assert_snapshot!(world.told(&put), @r#"
    {
      "behind": [
        {
          "deployment_id": "D1",
          "lifecycle": "ready",
          "mend": "gtc op revisions stage local digest(1.0.0) --deployment D1",
          "revision_id": "D1.r1",
          "sequence": 1,
          "version": 1
        }
      ],
      "behind_count": 1,
      "path": "fast2flow/api-key",
      "reference": "secret://local/fast2flow/api-key",
      "version": 2
    }
    "#);
    let rotated = world.ask_with::<secrets::Rotate>(json!({"path": PATH}), &sealed("three"));
    assert_eq!(rotated.unwrap()["behind"][0]["version"], 1);
    let newest = report(&world);
    warm(&mut world, "r2", &newest).unwrap();
    world.force("r1", Lifecycle::Archived);
    let again = world.put_secret(PATH, "three").unwrap();
    assert_eq!(again.get("behind_count"), None, "r2 has the newest, r1 is put away: {again}");
}

#[test]
fn only_who_is_given_a_version_is_behind() {
    for lifecycle in Lifecycle::ALL {
        let mut world = proven();
        world.force("r1", lifecycle);
        let put = world.put_secret(PATH, "two").unwrap();
        let is_gone =
            matches!(lifecycle, Lifecycle::Inactive | Lifecycle::Failed | Lifecycle::Archived);
        assert_eq!(put.get("behind_count"), (!is_gone).then_some(&json!(1)), "{lifecycle}");
    }
}

#[test]
fn a_pinned_version_stays_beyond_the_newest_ten_until_its_revision_is_put_away() {
    let mut world = proven();
    for i in 2..=12 {
        let put = world.put_secret(PATH, &format!("v{i}")).unwrap();
        let erased = (i == 12).then_some(json!(["sealed/v2"]));
        assert_eq!(put.get("erase"), erased.as_ref(), "{i}");
    }
    let kept: Vec<u64> = [1].into_iter().chain(3..=12).collect();
    assert_eq!(versions(&world), kept);
    world.force("r1", Lifecycle::Archived);
    let put = world.put_secret(PATH, "v13").unwrap();
    assert_eq!(put["erase"], json!(["sealed/one", "sealed/v3"]));
    assert_eq!(versions(&world), (4..=13).collect::<Vec<u64>>());
}

#[test]
fn show_explains_the_closure() {
    let mut world = proven();
    world.put_secret(PATH, "two").unwrap();
    let shown = |world: &World| {
        let shown = revisions::show(&world.memory, None, &handle_of("r1")).unwrap();
        let line = |pin: &revisions::Pin| {
            let to = pin.pinned_to.as_deref().unwrap_or("-");
            let told = format!("{} {}: {to}", pin.part, pin.name);
            pin.note.as_ref().map_or(told.clone(), |note| format!("{told} ({note})"))
        };
        let lines: Vec<String> = shown.closure.iter().map(line).collect();
        world.told(&Ok(json!(lines)))
    };
    insta::assert_snapshot!(shown(&world), @r#"
    [
      "bundle fast2flow 1.0.0: digest(1.0.0)",
      "pack web: sha256:4b5e57f6eb2f42b9039b3d1e13929295f231749c510cbe341cd68036d9af97e2 (http-component at /)",
      "config 0 values: digest({})",
      "signature key: own-key",
      "engine proven by: engine-1",
      "secret fast2flow/api-key: version 1 (version 2 is for a new revision: gtc op revisions stage local digest(1.0.0) --deployment D1)"
    ]
    "#);
    world.ask::<secrets::Delete>(json!({"path": PATH, "force": true})).unwrap();
    assert!(shown(&world).contains("gone: gtc op revisions stage"), "{}", shown(&world));
}

fn manifest(egress: &Value, memory_mb: u64) -> BundleManifest {
    serde_json::from_value(json!({
        "schema": "greentic.bundle.v1", "bundle_id": "fast2flow", "version": "1.0.0",
        "packs": [
            {"pack_id": "web", "kind": "http-component", "path": "web.wasm", "egress": egress,
             "limits": {"memory_mb": memory_mb}},
            {"pack_id": "site", "kind": "static", "path": "site", "public_path": "/site"},
        ],
        "secrets": [{"name": "api-key", "required": memory_mb > 64}],
    }))
    .unwrap()
}

fn file(path: &str, text: &str) -> FileFound {
    FileFound::File {
        path: path.into(),
        size_bytes: text.len() as u64,
        digest: Digest::of(text.as_bytes()),
        executable: false,
    }
}

#[test]
fn diff_tells_what_differs_in_each_part() {
    let mut world = proven();
    world.put_secret(PATH, "two").unwrap();
    stage(&mut world, "1.1.0");
    let newest = report(&world);
    warm(&mut world, "r2", &newest).unwrap();
    let handles = [&handle_of("r1"), &handle_of("r2")];
    let contents = [
        Contents {
            manifest: manifest(&json!(["a.example"]), 64),
            files: vec![file("bundle.yaml", "1"), file("gone", ""), file("same", "same")],
        },
        Contents {
            manifest: manifest(&json!(["b.example"]), 128),
            files: vec![
                file("bundle.yaml", "22"),
                file("same", "same"),
                FileFound::Link { path: "site/new".into(), target: "index.html".into() },
            ],
        },
    ];
    let pair = |world: &World| revisions::pair(&world.memory, None, handles).unwrap();
    let diff = revisions::diff(pair(&world), &contents, 50);
    let line = |part: &str, one: &revisions::Difference| {
        let how = json!(one.change);
        let [from, to] = [&one.from, &one.to].map(|it| pretty(it).replace([' ', '\n'], ""));
        format!("{part} {} {}: {from} -> {to}", how.as_str().unwrap(), one.name)
    };
    let parts = [
        ("revision", &diff.revision),
        ("packs", &diff.packs),
        ("permissions", &diff.permissions),
        ("config", &diff.config),
        ("secrets", &diff.secrets),
        ("files", &diff.files),
    ];
    let lines: Vec<String> =
        parts.iter().flat_map(|(part, all)| all.iter().map(|one| line(part, one))).collect();
    insta::assert_snapshot!(world.told(&Ok(json!(lines))), @r#"
    [
      "revision changed bundle_digest: \"digest(1.0.0)\" -> \"digest(1.1.0)\"",
      "revision changed version: \"1.0.0\" -> \"1.1.0\"",
      "permissions removed pack web: call a.example: \"allowed\" -> null",
      "permissions added pack web: call b.example: null -> \"allowed\"",
      "permissions changed pack web: memory_mb: 64 -> 128",
      "permissions changed secret api-key: \"optional\" -> \"required\"",
      "secrets changed fast2flow/api-key: {\"value_ref\":\"sealed/one\",\"version\":1} -> {\"value_ref\":\"sealed/two\",\"version\":2}",
      "files changed bundle.yaml: {\"digest\":\"sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b\",\"size_bytes\":1} -> {\"digest\":\"sha256:785f3ec7eb32f30b90cd0fcf3657d388b5ff4297f2f9716ff66e9b69c05ddd09\",\"size_bytes\":2}",
      "files removed gone: {\"digest\":\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"size_bytes\":0} -> null",
      "files added site/new: null -> {\"link\":\"index.html\"}"
    ]
    "#);
    assert!(!diff.identical);
    let short = revisions::diff(pair(&world), &contents, 1);
    assert_eq!((short.files.len(), short.summary.last().unwrap().not_shown), (1, 2));
    assert_eq!(short.summary[5].part, "files");
    let r1 = pair(&world)[0].clone();
    let same = revisions::diff([r1.clone(), r1], &[contents[0].clone(), contents[0].clone()], 50);
    assert!(same.identical, "{same:?}");
}
