//! `env` and `env-packs`.

use control::{Lookup as _, Record, env, env_packs};
use deploy_spec::{Descriptor, EnvPackBinding, Environment, PackRef, Slot};
use serde_json::json;

use crate::verbs::init_again;
use crate::world::{World, init_facts, trusted_key};

const DEFAULT_SLOTS: [Slot; 5] =
    [Slot::Deployer, Slot::Secrets, Slot::Telemetry, Slot::Sessions, Slot::State];

#[test]
fn init_makes_local_with_the_five_defaults() {
    let mut world = World::new("local");
    let made = world.ask_with::<env::Init>(json!({}), &init_facts());
    insta::assert_snapshot!(world.told(&made), @r#"
    {
      "environment_id": "local",
      "generation": 0,
      "healed_slots": [],
      "outcome": "created",
      "pack_count": 5
    }
    "#);
    insta::assert_snapshot!(
        world.told(&Ok(json!(env_packs::list(&world.memory).unwrap()))), @r#"
    {
      "bindings": [
        {
          "digest": null,
          "generation": 0,
          "kind": "greentic.deployer.local-process@0.1.0",
          "pack_ref": "builtin",
          "slot": "deployer"
        },
        {
          "digest": null,
          "generation": 0,
          "kind": "greentic.secrets.dev-store@0.1.0",
          "pack_ref": "builtin",
          "slot": "secrets"
        },
        {
          "digest": null,
          "generation": 0,
          "kind": "greentic.telemetry.stdout@0.1.0",
          "pack_ref": "builtin",
          "slot": "telemetry"
        },
        {
          "digest": null,
          "generation": 0,
          "kind": "greentic.sessions.in-memory@0.1.0",
          "pack_ref": "builtin",
          "slot": "sessions"
        },
        {
          "digest": null,
          "generation": 0,
          "kind": "greentic.state.in-memory@0.1.0",
          "pack_ref": "builtin",
          "slot": "state"
        }
      ]
    }
    "#);
    assert_eq!(world.memory.environment().unwrap().trust_root, [trusted_key("own")]);
}

#[test]
fn init_again_touches_nothing() {
    let mut world = World::local();
    let before = world.memory.clone();
    let again = init_again(&mut world);
    insta::assert_snapshot!(world.told(&again), @r#"
    {
      "environment_id": "local",
      "generation": 0,
      "healed_slots": [],
      "outcome": "untouched",
      "pack_count": 5
    }
    "#);
    assert_eq!(world.memory, before);
}

fn chosen(slot: Slot) -> EnvPackBinding {
    let kind: Descriptor = format!("acme.{slot}.chosen@2.0.0").parse().unwrap();
    EnvPackBinding {
        slot,
        kind,
        pack_ref: PackRef::At("oci://ghcr.io/acme/pack@sha256:…".into()),
        digest: None,
        answers: serde_json::Map::new(),
        generation: 7,
        previous: None,
    }
}

#[test]
fn init_heals_what_is_missing_and_never_touches_what_was_chosen() {
    for missing in 0..32_u32 {
        let mut world = World::local();
        let fresh = world.memory.environment().unwrap();
        let gone =
            |slot: &Slot| missing >> DEFAULT_SLOTS.iter().position(|s| s == slot).unwrap() & 1 == 1;
        let mut bindings: Vec<_> =
            DEFAULT_SLOTS.into_iter().filter(|slot| !gone(slot)).map(chosen).collect();
        bindings.push(chosen(Slot::Revocation));
        let before = Environment { bindings: bindings.clone(), generation: 4, ..fresh.clone() };
        world.put(Record::Environment(before.clone()));

        let healed = init_again(&mut world).unwrap();
        let slots: Vec<&str> = DEFAULT_SLOTS.iter().filter(|s| gone(s)).map(|s| s.name()).collect();
        assert_eq!(healed["healed_slots"], json!(slots));
        assert_eq!(healed["outcome"], if slots.is_empty() { "untouched" } else { "healed" });
        assert_eq!(healed["generation"], if slots.is_empty() { 4 } else { 5 });
        assert_eq!(healed["pack_count"], 6);

        let after = world.memory.environment().unwrap();
        for binding in &bindings {
            assert_eq!(after.binding(binding.slot), Some(binding), "chosen, so not touched");
        }
        for slot in DEFAULT_SLOTS.into_iter().filter(|slot| gone(slot)) {
            assert_eq!(after.binding(slot), fresh.binding(slot), "missing, so the default");
        }
        assert!(after.bindings.is_sorted_by_key(|binding| binding.slot));
        assert_eq!(Environment { bindings, generation: 4, ..after }, before);
    }
}

#[test]
fn init_adds_the_key_of_this_machine_and_keeps_the_others() {
    let mut world = World::local();
    let facts = env::InitFacts { own_key: trusted_key("second") };
    let healed = world.ask_with::<env::Init>(json!({}), &facts);
    insta::assert_snapshot!(world.told(&healed), @r#"
    {
      "environment_id": "local",
      "generation": 1,
      "healed_slots": [],
      "outcome": "healed",
      "pack_count": 5
    }
    "#);
    let keys = world.memory.environment().unwrap().trust_root;
    assert_eq!(keys, [trusted_key("own"), trusted_key("second")]);
}

#[test]
fn create_makes_another_environment_that_trusts_whom_it_was_told_to() {
    let mut world = World::new("prod-eu");
    let document = json!({
        "environment_id": "prod-eu", "name": "Production",
        "host_config": {"revision_header": false, "trusted_peers": ["10.0.0.1"]},
        "trust_root": [trusted_key("release")],
    });
    let made = world.ask::<env::Create>(document);
    insta::assert_snapshot!(world.told(&made), @r#"
    {
      "environment_id": "prod-eu",
      "generation": 0,
      "name": "Production",
      "pack_count": 5
    }
    "#);
    let environment = world.memory.environment().unwrap();
    assert!(!environment.host_config.revision_header);
    assert_eq!(environment.trust_root, [trusted_key("release")]);
    let slots: Vec<Slot> = environment.bindings.iter().map(|binding| binding.slot).collect();
    assert_eq!(slots, DEFAULT_SLOTS);
}

#[test]
fn create_does_not_make_what_exists() {
    let mut world = World::local();
    let twice = world.ask::<env::Create>(json!({}));
    insta::assert_snapshot!(world.told(&twice), @"
    conflict: environment `local` exists since 2026-01-01T00:00:01Z
    hint: gtc op env show local
    {}
    ");
}

#[test]
fn a_name_is_short_and_printable() {
    for bad in ["", "a\nb", "\u{1b}[31mred", &"x".repeat(201)] {
        let mut world = World::new("prod-eu");
        let document = json!({"environment_id": "prod-eu", "name": bad});
        let fault = world.ask::<env::Create>(document).unwrap_err();
        assert_eq!(
            (fault.kind.name(), &fault.details["pointer"]),
            ("invalid-input", &json!("/name"))
        );
        assert!(world.memory.find_environment().unwrap().is_none());
    }
    let mut world = World::new("prod-eu");
    let document = json!({"environment_id": "prod-eu", "name": "é".repeat(200)});
    world.ask::<env::Create>(document).unwrap();
}

#[test]
fn list_is_one_line() {
    let mut world = World::serving(1);
    world.add("shop", "/shop");
    insta::assert_snapshot!(world.told(&Ok(json!(env::list(&world.memory).unwrap()))), @r#"
    {
      "deployment_count": 2,
      "environment_id": "local",
      "generation": 0,
      "name": "Local",
      "pack_count": 5
    }
    "#);
}

#[test]
fn what_is_not_there_cannot_be_read() {
    let world = World::new("staging");
    let faults = [
        env::list(&world.memory).map(|_| ()).unwrap_err(),
        env::show(&world.memory, control::Page::default()).map(|_| ()).unwrap_err(),
        env::render(&world.memory).map(|_| ()).unwrap_err(),
        env_packs::list(&world.memory).map(|_| ()).unwrap_err(),
        control::bundles::list(&world.memory, control::Page::default()).map(|_| ()).unwrap_err(),
        control::bundles::show(&world.memory, None).map(|_| ()).unwrap_err(),
        control::revisions::list(&world.memory, None, control::Page::default())
            .map(|_| ())
            .unwrap_err(),
        control::revisions::show(&world.memory, None, &crate::world::handle_of("r1"))
            .map(|_| ())
            .unwrap_err(),
        control::traffic::show(&world.memory, None).map(|_| ()).unwrap_err(),
        control::traffic::history(&world.memory, None, 10).map(|_| ()).unwrap_err(),
    ];
    for fault in faults {
        assert_eq!(
            fault.to_string(),
            "not-found: there is no environment `staging` (gtc op env create staging)"
        );
    }
}
