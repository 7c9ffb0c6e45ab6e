//! `credentials`: kept once they have passed, never before.

use control::{Lookup as _, credentials, secrets};
use deploy_spec::{CheckStatus, Fault, Kind};
use serde_json::{Value, json};

use crate::world::{World, credentials, sealed};

fn import(world: &mut World, value: &str) -> Result<Value, Fault> {
    world.ask_with::<credentials::Import>(json!({}), &credentials(value, CheckStatus::Pass))
}

#[test]
fn import_keeps_what_passed_and_points_to_it() {
    let mut world = World::local();
    let none = credentials::show(&world.memory).unwrap();
    assert_eq!(none.credentials, None);
    let outcome = import(&mut world, "one");
    insta::assert_snapshot!(world.told(&outcome), @r#"
    {
      "checks": [
        {
          "detail": "kubectl auth can-i create deployments",
          "required": true,
          "requirement": "can deploy",
          "status": "pass"
        },
        {
          "detail": "only needed for gtc logs",
          "required": false,
          "requirement": "can read logs",
          "status": "fail"
        }
      ],
      "environment_id": "local",
      "fingerprint": "print-of-one",
      "reference": "secret://local/credentials/deployer",
      "version": 1
    }
    "#);
    let shown = json!(credentials::show(&world.memory).unwrap());
    insta::assert_snapshot!(world.told(&Ok(shown)), @r#"
    {
      "credentials": {
        "fingerprint": "print-of-one",
        "put_at": "2026-01-01T00:00:02Z",
        "put_by": {
          "host": "box",
          "kind": "os-user",
          "uid": 1000,
          "user": "ada"
        },
        "reference": "secret://local/credentials/deployer",
        "version": 1
      },
      "environment_id": "local"
    }
    "#);
    let before = world.memory.clone();
    import(&mut world, "one").unwrap();
    assert_eq!(world.memory, before, "the same ones again are no change");
    assert_eq!(import(&mut world, "two").unwrap()["version"], 2);
}

#[test]
fn nothing_is_kept_of_what_did_not_pass() {
    for status in [CheckStatus::Fail, CheckStatus::Skipped] {
        let mut world = World::local();
        let before = world.memory.clone();
        let mut facts = credentials("one", status);
        facts.checks.insert(0, facts.checks[0].clone());
        let fault = world.ask_with::<credentials::Import>(json!({}), &facts);
        insta::allow_duplicates! {
            insta::assert_snapshot!(world.told(&fault), @r#"
    refused: these credentials are not kept: can deploy: kubectl auth can-i create deployments; can deploy: kubectl auth can-i create deployments
    hint: gtc op credentials requirements
    {
      "problems": [
        {
          "message": "can deploy: kubectl auth can-i create deployments",
          "pointer": ""
        },
        {
          "message": "can deploy: kubectl auth can-i create deployments",
          "pointer": ""
        }
      ]
    }
    "#);
        }
        assert_eq!(world.memory, before);
    }
}

#[test]
fn rotate_needs_something_to_rotate() {
    let mut world = World::local();
    let facts = credentials("two", CheckStatus::Pass);
    let fault = world.ask_with::<credentials::Rotate>(json!({}), &facts);
    insta::assert_snapshot!(world.told(&fault), @"
    not-found: environment `local` has no deploy credentials
    hint: gtc op credentials import
    {}
    ");
    import(&mut world, "one").unwrap();
    let red = credentials("two", CheckStatus::Fail);
    let fault = world.ask_with::<credentials::Rotate>(json!({}), &red).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    world.ask_with::<credentials::Rotate>(json!({}), &facts).unwrap();
    let again = world.ask_with::<credentials::Rotate>(json!({}), &facts).unwrap();
    assert_eq!(again["version"], 3);
}

#[test]
fn bootstrap_is_refused_where_the_pack_offers_none() {
    let mut world = World::local();
    let facts = credentials::BootstrapFacts::NotOffered;
    let fault = world.ask_with::<credentials::Bootstrap>(json!({}), &facts);
    insta::assert_snapshot!(world.told(&fault), @"
    refused: `greentic.deployer.local-process@0.1.0` has no way to make credentials by itself
    hint: gtc op credentials requirements shows whether it needs any
    {}
    ");
    let made = credentials::BootstrapFacts::Made(credentials("one", CheckStatus::Pass));
    world.ask_with::<credentials::Bootstrap>(json!({}), &made).unwrap();
    let fault = world.ask_with::<credentials::Bootstrap>(json!({}), &made);
    insta::assert_snapshot!(world.told(&fault), @"
    conflict: environment `local` already has deploy credentials
    hint: gtc op credentials rotate
    {}
    ");
}

#[test]
fn credentials_that_are_forcibly_deleted_are_not_pointed_to() {
    let mut world = World::local();
    import(&mut world, "one").unwrap();
    let document = json!({"path": "credentials/deployer"});
    let fault = world.ask::<secrets::Delete>(document);
    insta::assert_snapshot!(world.told(&fault), @r#"
    refused: `secret://local/credentials/deployer` is read by the environment, as its deploy credentials
    hint: take them out of service first, or add --force
    {
      "read_by": [
        "the environment, as its deploy credentials"
      ]
    }
    "#);
    world.ask::<secrets::Delete>(json!({"path": "credentials/deployer", "force": true})).unwrap();
    assert_eq!(world.memory.environment().unwrap().credentials_ref, None);
    assert_eq!(credentials::show(&world.memory).unwrap().credentials, None);
}

#[test]
fn what_was_sealed_is_what_was_asked_about() {
    let mut world = World::local();
    let mut facts = credentials("one", CheckStatus::Pass);
    facts.sealed = Some(sealed("two"));
    let document = json!({"fingerprint": "print-of-one"});
    let fault = world.ask_with::<credentials::Import>(document, &facts).unwrap_err();
    assert_eq!(
        (fault.kind, &fault.details["pointer"]),
        (Kind::InvalidInput, &json!("/fingerprint"))
    );
}
