//! Slots are filled, changed, emptied and put back; what the registry does not know is refused.

use serde_json::{Value, json};

use crate::world::World;

const STDOUT: &str = "greentic.telemetry.stdout@0.1.0";

fn bound(world: &World) -> Vec<String> {
    let listed = world.op("env-packs list", &[]);
    let bindings = listed["bindings"].as_array().unwrap().iter();
    bindings.map(|b| format!("{} {}", b["slot"], b["generation"]).replace('"', "")).collect()
}

#[test]
fn a_slot_is_emptied_filled_and_put_back() {
    let world = World::new();
    world.op("env init", &[]);
    let (code, _) = world.refused(&["op", "env-packs", "add", "telemetry", "--kind", STDOUT], "");
    assert_eq!(code, 4, "it is filled already");
    let removed = world.op("env-packs remove", &["telemetry"]);
    assert_eq!(removed["missing_slots"], json!(["telemetry"]));
    assert_eq!(bound(&world).len(), 4);
    world.op("env-packs rollback", &["telemetry"]);
    assert_eq!(bound(&world).len(), 5);
    let newer = "greentic.telemetry.stdout@0.1.3";
    let updated = world.op("env-packs update", &["telemetry", "--kind", newer]);
    assert_eq!((&updated["kind"], &updated["has_previous"]), (&json!(newer), &json!(true)));
    assert_eq!(world.op("env-packs rollback", &["telemetry"])["kind"], STDOUT);
    assert_eq!(world.op("env doctor", &[])["healthy"], true);
}

#[test]
fn all_that_the_registry_objects_to_is_told_at_once() {
    let world = World::new();
    world.op("env init", &[]);
    let update = |words: &[&str]| -> (i32, Value) {
        world.refused(&[&["op", "env-packs", "update"], words].concat(), "")
    };
    let (code, said) = update(&[
        "telemetry",
        "--kind",
        "greentic.telemetry.stdout@9.0.0",
        "--answer",
        "colour=red",
    ]);
    assert_eq!(code, 2);
    assert_eq!(said["error"]["details"]["problems"].as_array().unwrap().len(), 2, "{said}");
    for (slot, kind) in [
        ("telemetry", "greentic.telemetry.otlp@1.0.0"),
        ("telemetry", "greentic.state.in-memory@0.1.0"),
        ("state", STDOUT),
    ] {
        let (code, said) = update(&[slot, "--kind", kind]);
        assert_eq!(code, 2, "{said}");
    }
    assert_eq!(bound(&world).len(), 5);
}
