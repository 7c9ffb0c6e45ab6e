//! `env-packs`: what fills a slot, and how it comes back.

use control::{Lookup as _, Problem, env, env_packs};
use deploy_spec::{Digest, EnvPackBinding, Fault, Kind, PackRef, Slot};
use serde_json::{Value, json};

use crate::world::{World, init_facts};

fn binding(world: &World, slot: Slot) -> Option<EnvPackBinding> {
    world.memory.environment().unwrap().binding(slot).cloned()
}

/// The versions that a slot has, now and before, and its generation.
fn told(world: &World, slot: Slot) -> String {
    let version = |binding: &EnvPackBinding| {
        format!("{}@{}", binding.generation, binding.kind.as_str().split_once('@').unwrap().1)
    };
    let Some(now) = binding(world, slot) else { return "empty".into() };
    let before = now.previous.as_deref().map_or_else(|| "-".into(), version);
    assert!(now.previous.iter().all(|previous| previous.previous.is_none()), "one is kept");
    format!("{} before {before}", version(&now))
}

fn update(world: &mut World, slot: Slot, version: &str) -> Result<Value, Fault> {
    let facts = world.agrees(slot);
    let kind = format!("greentic.{slot}.other@{version}");
    world.ask_with::<env_packs::Update>(json!({"slot": slot, "kind": kind}), &facts)
}

fn rollback(world: &mut World, slot: Slot) -> Result<Value, Fault> {
    let facts = world.agrees(slot);
    world.ask_with::<env_packs::Rollback>(json!({"slot": slot}), &facts)
}

#[test]
fn add_fills_an_empty_slot() {
    let mut world = World::local();
    let facts = world.agrees(Slot::Revocation);
    let document = json!({
        "slot": "revocation", "kind": "greentic.revocation.list@1.0.0", "answers": {"url": "x"},
    });
    let added = world.ask_with::<env_packs::Add>(document, &facts);
    insta::assert_snapshot!(world.told(&added), @r#"
    {
      "digest": null,
      "generation": 0,
      "has_previous": false,
      "kind": "greentic.revocation.list@1.0.0",
      "pack_ref": "builtin",
      "slot": "revocation"
    }
    "#);
    let slots: Vec<Slot> =
        world.memory.environment().unwrap().bindings.iter().map(|binding| binding.slot).collect();
    assert_eq!(slots, Slot::ALL, "in the order of the slots");
    assert_eq!(binding(&world, Slot::Revocation).unwrap().answers["url"], "x");
}

#[test]
fn add_refuses_a_slot_that_is_bound() {
    let mut world = World::local();
    let facts = world.agrees(Slot::State);
    let document = json!({"slot": "state", "kind": "greentic.state.redis@1.0.0"});
    let fault = world.ask_with::<env_packs::Add>(document, &facts);
    insta::assert_snapshot!(world.told(&fault), @r#"
    conflict: slot `state` is bound to `greentic.state.in-memory@0.1.0`
    hint: gtc op env-packs update state
    {
      "pointer": "/slot"
    }
    "#);
}

#[test]
fn all_that_the_registry_finds_wrong_is_told_at_once() {
    let mut world = World::local();
    let facts = env_packs::PackFacts {
        slot: Slot::Telemetry,
        problems: vec![
            Problem::new("/kind", "version 9.0.0 is not supported"),
            Problem::new("/answers/url", "it is required"),
        ],
        ..world.agrees(Slot::Sessions)
    };
    let document = json!({"slot": "sessions", "kind": "greentic.telemetry.otlp@9.0.0"});
    let fault = world.ask_with::<env_packs::Update>(document, &facts);
    insta::assert_snapshot!(world.told(&fault), @r#"
    invalid-input: slot `sessions` cannot be filled like that: /kind: it fills slot `telemetry`, not `sessions`; /kind: version 9.0.0 is not supported; /answers/url: it is required
    hint: -
    {
      "pointer": "/kind",
      "problems": [
        {
          "message": "it fills slot `telemetry`, not `sessions`",
          "pointer": "/kind"
        },
        {
          "message": "version 9.0.0 is not supported",
          "pointer": "/kind"
        },
        {
          "message": "it is required",
          "pointer": "/answers/url"
        }
      ]
    }
    "#);
}

#[test]
fn what_the_registry_said_of_another_binding_counts_for_nothing() {
    let mut world = World::local();
    let facts = world.agrees(Slot::State);
    update(&mut world, Slot::State, "1.0.0").unwrap();
    let document = json!({"slot": "state", "answers": {"size": 1}});
    let fault = world.ask_with::<env_packs::Update>(document, &facts);
    insta::assert_snapshot!(world.told(&fault), @"
    conflict: slot `state` was changed by somebody else meanwhile
    hint: gtc op env-packs list
    {}
    ");
}

/// What is known of a pack from elsewhere that nobody objects to.
fn from_elsewhere(world: &World, slot: Slot, code: &str) -> env_packs::PackFacts {
    let pack_ref = PackRef::At("oci://ghcr.io/x/y:1".into());
    let digest = Some(Digest::of(code.as_bytes()));
    env_packs::PackFacts { pack_ref, digest, ..world.agrees(slot) }
}

#[test]
fn code_from_elsewhere_is_named_plainly_and_pinned() {
    let mut world = World::local();
    let slot = Slot::Deployer;
    for name in ["", "a\nb", &"x".repeat(4097)] {
        let facts = from_elsewhere(&world, slot, "one");
        let document = json!({"slot": slot, "pack_ref": name});
        let fault = world.ask_with::<env_packs::Update>(document, &facts).unwrap_err();
        assert_eq!(
            (fault.kind, &fault.details["pointer"]),
            (Kind::InvalidInput, &json!("/pack_ref"))
        );
    }
    let document = json!({"slot": slot, "pack_ref": "y.wasm"});
    let unpinned = env_packs::PackFacts { digest: None, ..from_elsewhere(&world, slot, "one") };
    for facts in [unpinned, world.agrees(slot)] {
        let fault = world.ask_with::<env_packs::Update>(document.clone(), &facts).unwrap_err();
        assert_eq!(fault.kind, Kind::Internal);
    }
    let facts = from_elsewhere(&world, slot, "one");
    world.ask_with::<env_packs::Update>(document, &facts).unwrap();
    let bound = binding(&world, slot).unwrap();
    assert_eq!(bound.pack_ref, facts.pack_ref, "where it was found, not how it was typed");
    assert_eq!(bound.digest, facts.digest);
}

#[test]
fn only_what_this_program_can_call_is_filled_from_elsewhere() {
    for slot in Slot::ALL {
        let mut world = World::local();
        let facts = from_elsewhere(&world, slot, "one");
        let kind = format!("acme.{slot}.other@1.0.0");
        let document = json!({"slot": slot, "kind": kind, "pack_ref": "y.wasm"});
        let done = match slot {
            Slot::Revocation => world.ask_with::<env_packs::Add>(document, &facts),
            _ => world.ask_with::<env_packs::Update>(document, &facts),
        };
        if matches!(slot, Slot::Deployer | Slot::Revocation) {
            assert_eq!(done.unwrap()["pack_ref"], "oci://ghcr.io/x/y:1");
            continue;
        }
        let fault = done.unwrap_err();
        assert_eq!((fault.kind, &fault.details["pointer"]), (Kind::Refused, &json!("/pack_ref")));
        assert!(fault.message.contains(slot.name()), "{}", fault.message);
    }
}

#[test]
fn what_nobody_vouches_for_is_not_bound_and_a_rollback_needs_the_same_code() {
    let mut world = World::local();
    let slot = Slot::Deployer;
    let document = json!({"slot": slot, "pack_ref": "y.wasm"});
    let objection = Fault::refused("nobody signed it").detail("reason", "no-signature");
    let objection = Some(Box::new(objection));
    let facts = env_packs::PackFacts { objection, ..from_elsewhere(&world, slot, "one") };
    let fault = world.ask_with::<env_packs::Update>(document.clone(), &facts).unwrap_err();
    assert_eq!((fault.kind, fault.message.as_str()), (Kind::Refused, "nobody signed it"));
    assert_eq!(fault.details["reason"], "no-signature");
    for code in ["one", "two"] {
        let facts = from_elsewhere(&world, slot, code);
        world.ask_with::<env_packs::Update>(document.clone(), &facts).unwrap();
    }
    let back = env_packs::rollback_subject(&world.memory, slot).unwrap();
    assert_eq!(back.digest, Some(Digest::of(b"one")));
    let mut roll = |code| {
        let facts = from_elsewhere(&world, slot, code);
        world.ask_with::<env_packs::Rollback>(json!({"slot": slot}), &facts)
    };
    assert_eq!(roll("three").unwrap_err().kind, Kind::Refused);
    assert_eq!(roll("one").unwrap()["digest"], json!(Digest::of(b"one")));
    assert_eq!(roll("two").unwrap()["digest"], json!(Digest::of(b"two")));
}

#[test]
fn settings_change_without_the_code_and_a_name_means_what_is_there_now() {
    let mut world = World::local();
    let slot = Slot::Deployer;
    let facts = from_elsewhere(&world, slot, "one");
    let document = json!({"slot": slot, "pack_ref": "y.wasm", "kind": "acme.deployer.x@1.0.0"});
    world.ask_with::<env_packs::Update>(document, &facts).unwrap();
    let subject = |document| {
        let answers = serde_json::from_value(document).unwrap();
        env_packs::update_subject(&world.memory, &answers).unwrap().digest
    };
    let pinned = Some(Digest::of(b"one"));
    assert_eq!(subject(json!({"slot": slot, "answers": {"a": 1}})), pinned);
    assert_eq!(subject(json!({"slot": slot, "pack_ref": "y.wasm"})), None);
    assert_eq!(subject(json!({"slot": slot, "kind": "acme.deployer.x@1.1.0"})), None);
    let place = |kind: &str| {
        let answers = serde_json::from_value(json!({"slot": slot, "kind": kind})).unwrap();
        env_packs::update_subject(&world.memory, &answers).unwrap().pack_ref
    };
    assert_eq!(place("acme.deployer.x@1.1.0"), facts.pack_ref);
    assert_eq!(place("greentic.deployer.local-process@0.1.0"), PackRef::Builtin);
}

#[test]
fn update_keeps_what_is_not_said_and_changes_nothing_when_nothing_is_new() {
    let mut world = World::local();
    let facts = world.agrees(Slot::State);
    let document = json!({"slot": "state", "answers": {"size": 1}});
    world.ask_with::<env_packs::Update>(document.clone(), &facts).unwrap();
    let bound = binding(&world, Slot::State).unwrap();
    assert_eq!(bound.kind.as_str(), "greentic.state.in-memory@0.1.0");
    assert_eq!((bound.generation, &bound.answers["size"]), (1, &json!(1)));
    let (before, facts) = (world.memory.clone(), world.agrees(Slot::State));
    world.ask_with::<env_packs::Update>(document, &facts).unwrap();
    assert_eq!(world.memory, before);
}

#[test]
fn a_slot_is_updated_rolled_back_emptied_and_filled_again() {
    let mut world = World::local();
    let slot = Slot::State;
    let mut lines = Vec::new();
    let mut step = |what: &str, world: &World| lines.push(format!("{what}: {}", told(world, slot)));
    step("at first", &world);
    update(&mut world, slot, "1.0.0").unwrap();
    step("update", &world);
    update(&mut world, slot, "2.0.0").unwrap();
    step("update", &world);
    rollback(&mut world, slot).unwrap();
    step("rollback", &world);
    rollback(&mut world, slot).unwrap();
    step("rollback", &world);
    let removed = world.ask::<env_packs::Remove>(json!({"slot": slot})).unwrap();
    assert_eq!(removed["missing_slots"], json!(["state"]));
    step("remove", &world);
    rollback(&mut world, slot).unwrap();
    step("rollback", &world);
    world.ask::<env_packs::Remove>(json!({"slot": slot})).unwrap();
    world.ask_with::<env::Init>(json!({}), &init_facts()).unwrap();
    step("remove and init", &world);
    assert!(world.memory.environment().unwrap().removed_bindings.is_empty());
    rollback(&mut world, slot).unwrap();
    step("rollback", &world);
    insta::assert_snapshot!(lines.join("\n"), @"
    at first: 0@0.1.0 before -
    update: 1@1.0.0 before 0@0.1.0
    update: 2@2.0.0 before 1@1.0.0
    rollback: 3@1.0.0 before 2@2.0.0
    rollback: 4@2.0.0 before 3@1.0.0
    remove: empty
    rollback: 6@2.0.0 before 3@1.0.0
    remove and init: 8@0.1.0 before 7@2.0.0
    rollback: 9@2.0.0 before 8@0.1.0
    ");
}

#[test]
fn nothing_comes_back_where_nothing_was() {
    let mut world = World::local();
    let none = rollback(&mut world, Slot::State);
    insta::assert_snapshot!(world.told(&none), @"
    refused: there is no binding before this one for slot `state`
    hint: gtc op env-packs list
    {}
    ");
    let empty = world.ask::<env_packs::Remove>(json!({"slot": "revocation"}));
    insta::assert_snapshot!(world.told(&empty), @"
    not-found: nothing is bound to slot `revocation`
    hint: gtc op env-packs add revocation
    {}
    ");
    let missing = world.memory.environment().unwrap().missing_slots();
    assert_eq!(missing, [Slot::Revocation]);
}

#[test]
fn a_binding_that_this_program_no_longer_handles_does_not_come_back() {
    let mut world = World::local();
    update(&mut world, Slot::State, "1.0.0").unwrap();
    let facts = env_packs::PackFacts {
        problems: vec![Problem::new("", "version 0.1.0 is not supported")],
        ..world.agrees(Slot::State)
    };
    let fault = world.ask_with::<env_packs::Rollback>(json!({"slot": "state"}), &facts);
    insta::assert_snapshot!(world.told(&fault), @r#"
    refused: slot `state` cannot be filled like that: version 0.1.0 is not supported
    hint: -
    {
      "problems": [
        {
          "message": "version 0.1.0 is not supported",
          "pointer": ""
        }
      ]
    }
    "#);
    let back = env_packs::rollback_subject(&world.memory, Slot::State).unwrap();
    assert_eq!(back.kind.as_str(), "greentic.state.in-memory@0.1.0");
}

#[test]
fn the_env_pack_that_keeps_secrets_stays_as_long_as_they_do() {
    let mut world = World::local();
    let slot = Slot::Secrets;
    update(&mut world, slot, "1.0.0").unwrap();
    world.put_secret("fast2flow/key", "one").unwrap();
    let changed = world.agrees(slot);
    let document = json!({"slot": slot, "kind": "greentic.secrets.vault@1.0.0"});
    let fault = world.ask_with::<env_packs::Update>(document, &changed);
    insta::assert_snapshot!(world.told(&fault), @r#"
    refused: `greentic.secrets.other@1.0.0` keeps the values of 1 secrets, which would be left behind
    hint: delete them with `gtc op secrets delete`, then put them again into the other env-pack
    {
      "secrets": [
        "fast2flow/key"
      ]
    }
    "#);
    assert_eq!(rollback(&mut world, slot).unwrap_err().kind, Kind::Refused);
    let removed = world.ask::<env_packs::Remove>(json!({"slot": slot}));
    assert_eq!(removed.unwrap_err().kind, Kind::Refused);
    update(&mut world, slot, "1.0.1").expect("another version of it is still it");
    world.ask::<control::secrets::Delete>(json!({"path": "fast2flow/key"})).unwrap();
    world.ask::<env_packs::Remove>(json!({"slot": slot})).unwrap();
    let fault = world.put_secret("fast2flow/key", "one");
    insta::assert_snapshot!(world.told(&fault), @"
    refused: nothing is bound to slot `secrets`: no value can be kept
    hint: gtc op env-packs add secrets
    {}
    ");
}
