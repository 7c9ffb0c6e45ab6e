//! `secrets`: names, versions, who and when. No value is ever here to be shown.

use control::{Lookup as _, revisions, secrets};
use deploy_spec::{Fault, Kind, Lifecycle, SecretNeed, SecretRef};
use serde_json::{Value, json};

use crate::world::{World, sealed, staged_bundle};

fn rotate(world: &mut World, path: &str, value: &str) -> Result<Value, Fault> {
    world.ask_with::<secrets::Rotate>(json!({"path": path}), &sealed(value))
}

fn versions(world: &World, path: &str) -> Vec<u64> {
    let secret = world.memory.secret(&path.parse().unwrap()).unwrap().unwrap();
    secret.versions.iter().map(|version| version.version).collect()
}

/// A revision that reads `fast2flow/api-key`.
fn reading() -> World {
    let mut world = World::serving(0);
    let mut bundle = staged_bundle("fast2flow", "1.0.0");
    bundle.secrets = vec![SecretNeed { name: "api-key".into(), required: true, description: None }];
    world.ask_with::<revisions::Stage>(json!({"bundle": "x"}), &bundle).unwrap();
    world.put_secret("fast2flow/api-key", "one").unwrap();
    world
}

#[test]
fn put_makes_the_first_version_and_then_the_next() {
    let mut world = World::local();
    let put = world.put_secret("fast2flow/api-key", "one");
    insta::assert_snapshot!(world.told(&put), @r#"
    {
      "path": "fast2flow/api-key",
      "reference": "secret://local/fast2flow/api-key",
      "version": 1
    }
    "#);
    assert_eq!(world.put_secret("fast2flow/api-key", "two").unwrap()["version"], 2);
    let listed = json!(secrets::list(&world.memory, &control::Page::default()).unwrap());
    insta::assert_snapshot!(world.told(&Ok(listed)), @r#"
    {
      "secret_count": 1,
      "secrets": [
        {
          "path": "fast2flow/api-key",
          "put_at": "2026-01-01T00:00:03Z",
          "put_by": {
            "host": "box",
            "kind": "os-user",
            "uid": 1000,
            "user": "ada"
          },
          "reference": "secret://local/fast2flow/api-key",
          "version": 2,
          "versions": 2
        }
      ]
    }
    "#);
}

#[test]
fn putting_the_value_that_there_is_changes_nothing() {
    let mut world = World::local();
    world.put_secret("a", "one").unwrap();
    let before = world.memory.clone();
    let again = world.put_secret("a", "one").unwrap();
    assert_eq!((&again["version"], again.get("erase")), (&json!(1), None));
    let mut elsewhere = sealed("one");
    elsewhere.value_ref = "sealed/again".into();
    let again = world.ask_with::<secrets::Put>(json!({"path": "a"}), &elsewhere).unwrap();
    assert_eq!(again["erase"], json!(["sealed/again"]), "what was sealed for nothing is told");
    assert_eq!(world.memory, before);
    world.put_secret("a", "two").unwrap();
    assert_eq!(world.put_secret("a", "one").unwrap()["version"], 3, "only the newest counts");
}

#[test]
fn rotate_makes_a_version_of_an_equal_value_too_and_none_of_nothing() {
    let mut world = World::local();
    let none = rotate(&mut world, "a/b", "one");
    insta::assert_snapshot!(world.told(&none), @"
    not-found: there is no secret `secret://local/a/b`
    hint: gtc op secrets put a/b
    {}
    ");
    world.put_secret("a/b", "one").unwrap();
    assert_eq!(rotate(&mut world, "a/b", "one").unwrap()["version"], 2);
    assert_eq!(versions(&world, "a/b"), [1, 2]);
}

#[test]
fn the_newest_ten_versions_are_kept_and_the_rest_is_to_be_erased() {
    let mut world = World::local();
    for i in 1..=10 {
        assert_eq!(world.put_secret("a", &format!("v{i}")).unwrap().get("erase"), None);
    }
    let eleventh = world.put_secret("a", "v11").unwrap();
    assert_eq!((&eleventh["version"], &eleventh["erase"]), (&json!(11), &json!(["sealed/v1"])));
    assert_eq!(versions(&world, "a"), (2..=11).collect::<Vec<u64>>());
}

#[test]
fn the_same_key_with_another_value_is_a_conflict() {
    let mut world = World::local();
    let document = |value: &str| json!({"path": "a", "fingerprint": format!("print-of-{value}"), "idempotency_key": "k"});
    world.ask_with::<secrets::Put>(document("one"), &sealed("one")).unwrap();
    let fault = world.ask_with::<secrets::Put>(document("two"), &sealed("two")).unwrap_err();
    assert_eq!(fault.kind, Kind::Conflict);
    let fault = world
        .ask_with::<secrets::Put>(json!({"path": "b", "fingerprint": "other"}), &sealed("one"))
        .unwrap_err();
    assert_eq!(
        (fault.kind, &fault.details["pointer"]),
        (Kind::InvalidInput, &json!("/fingerprint"))
    );
}

#[test]
fn a_secret_that_is_read_is_not_deleted_unless_forced() {
    let mut world = reading();
    let document = json!({"path": "fast2flow/api-key"});
    let fault = world.ask::<secrets::Delete>(document.clone());
    insta::assert_snapshot!(world.told(&fault), @r#"
    refused: `secret://local/fast2flow/api-key` is read by D1/r1 (staged)
    hint: take them out of service first, or add --force
    {
      "read_by": [
        "D1/r1 (staged)"
      ]
    }
    "#);
    for lifecycle in Lifecycle::ALL {
        world.force("r1", lifecycle);
        let before = world.memory.clone();
        let is_read =
            !matches!(lifecycle, Lifecycle::Inactive | Lifecycle::Failed | Lifecycle::Archived);
        let kind = world.ask::<secrets::Delete>(document.clone()).map_err(|fault| fault.kind).err();
        assert_eq!(kind, is_read.then_some(Kind::Refused), "{lifecycle}");
        world.memory = before;
    }
    world.force("r1", Lifecycle::Ready);
    let forced = world.ask::<secrets::Delete>(json!({"path": "fast2flow/api-key", "force": true}));
    insta::assert_snapshot!(world.told(&forced), @r#"
    {
      "erase": [
        "sealed/one"
      ],
      "path": "fast2flow/api-key",
      "reference": "secret://local/fast2flow/api-key",
      "still_read_by": [
        "D1/r1 (ready)"
      ]
    }
    "#);
    assert_eq!(secrets::list(&world.memory, &control::Page::default()).unwrap().secrets, []);
}

#[test]
fn delete_tells_every_value_that_is_to_be_erased() {
    let mut world = World::local();
    world.put_secret("a", "one").unwrap();
    world.put_secret("a", "two").unwrap();
    let deleted = world.ask::<secrets::Delete>(json!({"path": "a"})).unwrap();
    assert_eq!(deleted["erase"], json!(["sealed/one", "sealed/two"]));
    let again = world.ask::<secrets::Delete>(json!({"path": "a"})).unwrap_err();
    assert_eq!(again.kind, Kind::NotFound);
}

#[test]
fn where_a_value_is_and_which_are_missing_can_be_asked() {
    let mut world = reading();
    world.put_secret("fast2flow/api-key", "two").unwrap();
    let path = "fast2flow/api-key".parse().unwrap();
    assert_eq!(secrets::find(&world.memory, &path).unwrap().value_ref, "sealed/two");
    let none = secrets::find(&world.memory, &"other".parse().unwrap()).unwrap_err();
    assert_eq!(
        (none.kind, none.hint.as_deref()),
        (Kind::NotFound, Some("gtc op secrets put other"))
    );
    let needs: Vec<SecretRef> =
        ["local/b", "local/fast2flow/api-key", "eu/fast2flow/api-key", "local/a"]
            .map(|reference| format!("secret://{reference}").parse().unwrap())
            .to_vec();
    let missing = secrets::missing_secrets(&world.memory, &needs).unwrap();
    assert_eq!(missing, [needs[0].clone(), needs[2].clone(), needs[3].clone()]);
}

#[test]
fn what_is_kept_for_signing_in_comes_by_its_own_verb() {
    let mut world = World::local();
    let fault = world.put_secret("credentials/deployer", "one");
    insta::assert_snapshot!(world.told(&fault), @r#"
    refused: `credentials/deployer` is where the environment's deploy credentials are kept
    hint: gtc op credentials import
    {
      "pointer": "/path"
    }
    "#);
    world.put_secret("credentials/mine", "one").unwrap();
}
