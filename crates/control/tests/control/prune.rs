//! `revisions prune`.

use control::{Lookup as _, bundles, revisions, traffic};
use deploy_spec::Timestamp;
use serde_json::{Value, json};

use crate::world::{World, staged_bundle};

const DAY: i64 = 86_400;

fn prune(world: &mut World, document: Value) -> Value {
    world.ask::<revisions::Prune>(document).unwrap()
}

fn archive(world: &mut World, revision: &str) {
    world.ask::<revisions::Archive>(json!({"revision_id": revision})).unwrap();
}

/// The sequences that went.
fn sequences(pruned: &Value) -> Vec<u64> {
    pruned["revisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["sequence"].as_u64().unwrap())
        .collect()
}

fn later(world: &mut World, since: Timestamp, days: i64) {
    world.set_clock(since.as_second() + days * DAY);
}

/// A deployment with `count` archived revisions.
fn archived(count: u64) -> World {
    let mut world = World::serving(0);
    for i in 1..=count {
        world.stage("fast2flow");
        archive(&mut world, &format!("r{i}"));
    }
    world
}

#[test]
fn the_newest_and_the_young_stay() {
    let mut world = archived(13);
    let last = world.revision("r3").archived_at.unwrap();
    let newest = world.revision("r13").archived_at.unwrap();
    let before = world.memory.clone();
    assert_eq!(sequences(&prune(&mut world, json!({}))), [0_u64; 0]);
    assert_eq!(world.memory, before, "nothing is thirty days old");
    later(&mut world, last, 30);
    let pruned = world.ask::<revisions::Prune>(json!({}));
    insta::assert_snapshot!(world.told(&pruned), @r#"
    {
      "deployments": [],
      "more": false,
      "revisions": [
        {
          "bundle_digest": "digest(1.0.0)",
          "deployment_id": "D1",
          "revision_id": "D1.r1",
          "sequence": 1
        },
        {
          "bundle_digest": "digest(1.1.0)",
          "deployment_id": "D1",
          "revision_id": "D1.r2",
          "sequence": 2
        },
        {
          "bundle_digest": "digest(1.2.0)",
          "deployment_id": "D1",
          "revision_id": "D1.r3",
          "sequence": 3
        }
      ],
      "unneeded_digests": [
        "digest(1.0.0)",
        "digest(1.1.0)",
        "digest(1.2.0)"
      ]
    }
    "#);
    assert_eq!(sequences(&prune(&mut world, json!({"keep": 8}))), [4], "r5 is too young");
    later(&mut world, newest, 30);
    assert_eq!(sequences(&prune(&mut world, json!({"keep": 8}))), [5]);
    assert_eq!(
        sequences(&prune(&mut world, json!({"keep": 0, "older_than_days": 365}))),
        [0_u64; 0]
    );
    assert_eq!(
        sequences(&prune(&mut world, json!({"keep": 0, "older_than_days": 0}))),
        [6, 7, 8, 9, 10, 11, 12, 13]
    );
    assert_eq!(world.stage("fast2flow"), world.revision("r14").revision_id.to_string());
}

#[test]
fn a_revision_is_old_from_the_day_it_was_archived() {
    let mut world = World::serving(0);
    world.stage("fast2flow");
    let made = world.revision("r1").created_at;
    later(&mut world, made, 100);
    archive(&mut world, "r1");
    assert_eq!(sequences(&prune(&mut world, json!({"keep": 0}))), [0_u64; 0]);
}

#[test]
fn what_is_not_archived_stays() {
    let mut world = archived(1);
    world.stage_ready("fast2flow");
    world.stage("fast2flow");
    assert_eq!(sequences(&prune(&mut world, json!({"keep": 0, "older_than_days": 0}))), [1]);
    assert_eq!(
        world
            .memory
            .revision_ids(world.deployment("fast2flow").deployment.deployment_id)
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn what_the_present_split_names_stays_and_a_rollback_to_what_is_gone_says_so() {
    let all = json!({"keep": 0, "older_than_days": 0});
    let mut world = World::serving(4);
    world.turn(&[("r1", 10_000)]).unwrap();
    world.turn(&[("r2", 10_000)]).unwrap();
    world.turn(&[("r4", 10_000), ("r3", 0)]).unwrap();
    let second = world.revision("r2").revision_id.to_string();
    for revision in ["r1", "r2", "r3"] {
        archive(&mut world, revision);
    }
    assert_eq!(sequences(&prune(&mut world, all.clone())), [1, 2]);
    let fault = world.ask::<traffic::Rollback>(json!({})).unwrap_err();
    assert!(fault.message.ends_with(&format!("{second} is gone")), "{}", fault.message);
    world.turn(&[("r4", 10_000)]).unwrap();
    assert_eq!(sequences(&prune(&mut world, all)), [3]);
}

#[test]
fn only_the_named_deployment_is_touched() {
    let mut world = archived(1);
    world.add("shop", "/shop");
    world.stage("shop");
    archive(&mut world, "shop/r1");
    let of = |bundle: &str| json!({"deployment_id": bundle, "keep": 0, "older_than_days": 0});
    assert_eq!(sequences(&prune(&mut world, of("shop"))), [1]);
    assert_eq!(sequences(&prune(&mut world, of("shop"))), [0_u64; 0]);
    assert_eq!(sequences(&prune(&mut world, of("fast2flow"))), [1]);
}

#[test]
fn a_bundle_that_a_kept_revision_needs_is_no_candidate() {
    let mut world = World::serving(0);
    for version in ["1.0.0", "1.1.0", "1.0.0", "1.1.0", "1.2.0", "1.2.0"] {
        let bundle = staged_bundle("fast2flow", version);
        world.ask_with::<revisions::Stage>(json!({"bundle": "x"}), &bundle).unwrap();
    }
    for revision in ["r1", "r2", "r3", "r5", "r6"] {
        archive(&mut world, revision);
    }
    let pruned = prune(&mut world, json!({"keep": 0, "older_than_days": 0}));
    let unneeded = json!([pruned["unneeded_digests"]]).to_string();
    insta::assert_snapshot!(world.shown(&unneeded), @r#"[["digest(1.0.0)","digest(1.2.0)"]]"#);
}

#[test]
fn one_call_forgets_so_much_and_says_that_there_is_more() {
    let mut world = archived(202);
    let all = json!({"keep": 1, "older_than_days": 0});
    let first = prune(&mut world, all.clone());
    assert_eq!((sequences(&first).len(), &first["more"]), (200, &json!(true)));
    let second = prune(&mut world, all.clone());
    assert_eq!((sequences(&second), &second["more"]), (vec![201], &json!(false)));
    assert_eq!(sequences(&prune(&mut world, all)), [0_u64; 0]);
}

#[test]
fn a_removed_deployment_goes_when_nothing_of_it_is_left() {
    let mut world = World::serving(2);
    for turn in 0..210_u16 {
        world.turn(&[("r1", 10_000 - turn), ("r2", turn)]).unwrap();
    }
    let id = world.deployment("fast2flow").deployment.deployment_id.to_string();
    let document = json!({"deployment_id": "fast2flow"});
    world.ask::<bundles::Pause>(document.clone()).unwrap();
    world.ask::<bundles::Remove>(document).unwrap();
    let all = json!({"keep": 0, "older_than_days": 1});
    let none = prune(&mut world, all.clone());
    assert_eq!((sequences(&none), &none["deployments"]), (vec![], &json!([])), "it is young");
    let removed = world.memory.retired(id.parse().unwrap()).unwrap().unwrap();
    later(&mut world, removed.deployment.retired_at.unwrap(), 1);
    let by_keep = prune(&mut world, json!({"deployment_id": id, "older_than_days": 1}));
    assert_eq!((sequences(&by_keep), &by_keep["deployments"]), (vec![], &json!([])));
    let first = prune(&mut world, all.clone());
    assert_eq!((sequences(&first), &first["deployments"]), (vec![1, 2], &json!([])));
    assert_eq!(first["more"], true);
    let second = prune(&mut world, all);
    assert_eq!((&second["deployments"], &second["more"]), (&json!([id]), &json!(false)));
    assert_eq!(world.memory.records().len(), 1, "the environment alone is left");
}
