//! The two migrations of old installs: what is said of what was found, and what is written down.

use control::env::{
    DevAction, DevFinding, DevUse, Leftover, MigrateDev, MigrateState, MigrateStateFacts, StateMove,
};
use deploy_spec::Kind;
use serde_json::json;

use crate::world::World;

fn finding(path: &str, action: DevAction) -> DevFinding {
    let kind = DevUse::Field;
    DevFinding { path: path.into(), line: Some(1), kind, action, detail: "why".into() }
}

#[test]
fn what_is_rewritten_or_left_is_told_and_written_down() {
    for (actions, check, expected, noted) in [
        (vec![], false, json!([true, 0, false]), false),
        (vec![DevAction::Rewrite], true, json!([false, 1, false]), false),
        (vec![DevAction::Rewrite], false, json!([false, 1, false]), true),
        (vec![DevAction::Rewrite, DevAction::Leave], false, json!([false, 1, true]), true),
    ] {
        let mut world = World::serving(0);
        let (before, events) = (world.memory.clone(), world.audit.len());
        let found = actions.iter().map(|action| finding("a.json", *action)).collect();
        let told = world.ask_with::<MigrateDev>(json!({"check": check}), &found).unwrap();
        assert_eq!(json!([told["clean"], told["rewrite_count"], told["alias"]]), expected);
        assert_eq!((&told["from_env"], &told["to_env"]), (&json!("dev"), &json!("local")));
        assert!(noted || world.memory == before, "what is only looked at changes nothing");
        assert_eq!(world.audit.len() - events, usize::from(noted));
    }
}

fn state(moves: usize, leftovers: usize) -> MigrateStateFacts {
    let moved = StateMove { from: "/h/state/deploy/a/b/local/c".into(), to: "legacy/a/b/c".into() };
    let left = Leftover { path: "/h/state/deploy/link".into(), why: "is a symbolic link".into() };
    MigrateStateFacts {
        moves: vec![moved; moves],
        leftovers: vec![left; leftovers],
        ..MigrateStateFacts::default()
    }
}

#[test]
fn a_tree_is_migrated_only_when_all_of_it_can_be() {
    for (moves, check, outcome, noted) in
        [(0, false, "nothing", false), (1, true, "checked", false), (1, false, "migrated", true)]
    {
        let mut world = World::serving(0);
        let events = world.audit.len();
        let told =
            world.ask_with::<MigrateState>(json!({"check": check}), &state(moves, 0)).unwrap();
        assert_eq!(told["outcome"], outcome);
        assert_eq!(told["moves"].as_array().map(Vec::len), Some(moves));
        assert_eq!(world.audit.len() - events, usize::from(noted), "{outcome}");
    }
    let mut world = World::serving(0);
    let checked = world.ask_with::<MigrateState>(json!({"check": true}), &state(1, 2)).unwrap();
    assert_eq!((&checked["clean"], &checked["outcome"]), (&json!(false), &json!("checked")));
    let fault = world.ask_with::<MigrateState>(json!({}), &state(1, 2)).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    assert!(fault.message.ends_with("is a symbolic link, and 1 more"), "{}", fault.message);
    assert_eq!(fault.details["leftovers"].as_array().map(Vec::len), Some(2));
}
