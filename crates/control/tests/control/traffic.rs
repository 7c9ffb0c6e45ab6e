//! `traffic`: the happy path, and every refusal.

use control::{revisions, traffic};
use deploy_spec::{Kind, Lifecycle};
use serde_json::{Value, json};

use crate::verbs::rolling;
use crate::world::{World, entries, green};

fn set(world: &mut World, entries: &Value) -> Result<Value, deploy_spec::Fault> {
    world.ask::<traffic::Set>(json!({"entries": entries}))
}

#[test]
fn the_first_rollout() {
    let mut world = World::serving(2);
    let id = world.deployment("fast2flow").deployment.deployment_id.to_string();
    let r1 = world.revision("r1").revision_id.to_string();
    let document = json!({
        "environment_id": "local", "deployment_id": id, "idempotency_key": "first-rollout",
        "entries": [{"revision_id": r1, "weight_percent": 100}],
    });
    let first = world.ask::<traffic::Set>(document);
    insta::assert_snapshot!(world.told(&first), @r#"
    {
      "deployment_id": "D1",
      "entries": [
        {
          "revision_id": "D1.r1",
          "sequence": 1,
          "weight_bps": 10000
        }
      ],
      "generation": 0,
      "has_previous": false
    }
    "#);
    let canary = json!([
        {"revision_id": "r1", "weight_percent": 99.5}, {"revision_id": "r2", "weight_bps": 50},
    ]);
    let second = set(&mut world, &canary);
    insta::assert_snapshot!(world.told(&second), @r#"
    {
      "deployment_id": "D1",
      "entries": [
        {
          "revision_id": "D1.r1",
          "sequence": 1,
          "weight_bps": 9950
        },
        {
          "revision_id": "D1.r2",
          "sequence": 2,
          "weight_bps": 50
        }
      ],
      "generation": 1,
      "has_previous": true
    }
    "#);
    let back = world.ask::<traffic::Rollback>(json!({}));
    insta::assert_snapshot!(world.told(&back), @r#"
    {
      "deployment_id": "D1",
      "entries": [
        {
          "revision_id": "D1.r1",
          "sequence": 1,
          "weight_bps": 10000
        }
      ],
      "generation": 2,
      "has_previous": false
    }
    "#);
    let off = world.ask::<traffic::Clear>(json!({}));
    insta::assert_snapshot!(world.told(&off), @r#"
    {
      "deployment_id": "D1",
      "entries": [],
      "generation": 3,
      "has_previous": true
    }
    "#);
}

#[test]
fn show_tells_the_split_or_its_absence() {
    let mut world = World::serving(2);
    let show = |world: &World| world.told(&Ok(json!(traffic::show(&world.memory, None).unwrap())));
    insta::assert_snapshot!(show(&world), @r#"
    {
      "at": null,
      "bundle_id": "fast2flow",
      "by": null,
      "deployment_id": "D1",
      "entries": [],
      "generation": null,
      "has_previous": false,
      "op": null
    }
    "#);
    world.turn(&[("r1", 9_900), ("r2", 100)]).unwrap();
    insta::assert_snapshot!(show(&world), @r#"
    {
      "at": "2026-01-01T00:00:07Z",
      "bundle_id": "fast2flow",
      "by": {
        "host": "box",
        "kind": "os-user",
        "uid": 1000,
        "user": "ada"
      },
      "deployment_id": "D1",
      "entries": [
        {
          "lifecycle": "ready",
          "revision_id": "D1.r1",
          "sequence": 1,
          "weight_bps": 9900
        },
        {
          "lifecycle": "ready",
          "revision_id": "D1.r2",
          "sequence": 2,
          "weight_bps": 100
        }
      ],
      "generation": 0,
      "has_previous": false,
      "op": "set"
    }
    "#);
}

#[test]
fn history_is_newest_last_and_as_long_as_asked() {
    let mut world = World::serving(2);
    assert!(traffic::history(&world.memory, None, 10).unwrap().generations.is_empty());
    let document = json!({"entries": entries(&[("r1", 10_000)]), "idempotency_key": "k"});
    world.ask::<traffic::Set>(document).unwrap();
    world.turn(&[("r2", 10_000)]).unwrap();
    world.ask::<traffic::Rollback>(json!({})).unwrap();
    world.ask::<traffic::Clear>(json!({})).unwrap();
    let all = traffic::history(&world.memory, None, 10).unwrap();
    let mut lines = String::new();
    for shown in &all.generations {
        let entries: Vec<String> =
            shown.entries.iter().map(|e| format!("{} {}", e.revision_id, e.weight_bps)).collect();
        let key = shown.idempotency_key.as_ref().map_or("-", |key| key.as_str());
        lines.push_str(&format!(
            "{} {:?} [{}] {} {} {key}\n",
            shown.generation,
            shown.op,
            entries.join(", "),
            shown.at,
            shown.by.user
        ));
    }
    insta::assert_snapshot!(world.shown(&lines), @"
    0 Set [D1.r1 100] 2026-01-01T00:00:07Z ada k
    1 Set [D1.r2 100] 2026-01-01T00:00:08Z ada -
    2 Rollback [D1.r1 100] 2026-01-01T00:00:09Z ada -
    3 Clear [] 2026-01-01T00:00:10Z ada -
    ");
    assert!(!all.truncated);
    for limit in 1..=6 {
        let some = traffic::history(&world.memory, None, limit).unwrap();
        let from = all.generations.len().saturating_sub(usize::try_from(limit).unwrap());
        assert_eq!(some.generations, all.generations[from..]);
        assert_eq!(some.truncated, from > 0, "{limit}");
    }
}

#[test]
fn entries_that_cannot_be_right_are_invalid() {
    let mut told = String::new();
    let share = |revision: &str, field: &str, weight: Value| {
        let mut entry = json!({"revision_id": revision});
        entry[field] = weight;
        entry
    };
    let many: Vec<Value> = (0..65).map(|_| share("r1", "weight_bps", json!(0))).collect();
    for entries in [
        json!([]),
        json!([share("r1", "weight_bps", json!(9_999))]),
        json!([
            share("r1", "weight_bps", json!(10_000)),
            share("r2", "weight_percent", json!(0.01))
        ]),
        json!([share("r1", "weight_bps", json!(5_000)), share("r1", "weight_bps", json!(5_000))]),
        json!([share("r1", "weight_bps", json!(10_001))]),
        json!([share("r1", "weight_percent", json!(100.01))]),
        json!([share("r1", "weight_percent", json!(-1))]),
        json!([share("r1", "weight_percent", json!(33.333))]),
        json!([{"revision_id": "r1"}]),
        json!([{"revision_id": "r1", "weight_bps": 1, "weight_percent": 1}]),
        json!(many),
    ] {
        let mut world = rolling();
        let before = world.memory.clone();
        let fault = set(&mut world, &entries).unwrap_err();
        assert_eq!(fault.kind, Kind::InvalidInput);
        assert_eq!(world.memory, before);
        told.push_str(&format!("{} {}\n", fault.details["pointer"], fault.message));
    }
    insta::assert_snapshot!(rolling().shown(&told), @r#"
    "/entries" the weights sum to 0 bps, not to 10000
    "/entries" the weights sum to 9999 bps, not to 10000
    "/entries" the weights sum to 10001 bps, not to 10000
    "/entries/1/revision_id" revision D1.r1 is in the split twice
    "/entries/0/weight_bps" a weight of 10001 bps is more than 10000, the whole
    "/entries/0/weight_percent" a weight of 100.01 percent is not from 0 to 100
    "/entries/0/weight_percent" a weight of -1 percent is not from 0 to 100
    "/entries/0/weight_percent" a weight of 33.333 percent has more than two decimals
    "/entries/0" give weight_percent or weight_bps, one of the two
    "/entries/0" give weight_percent or weight_bps, one of the two
    "/entries" a split names at most 64 revisions
    "#);
}

#[test]
fn what_is_not_there_takes_no_traffic() {
    let mut world = rolling();
    let nowhere = set(&mut world, &entries(&[("r1", 5_000), ("r9", 5_000)]));
    insta::assert_snapshot!(world.told(&nowhere), @r#"
    not-found: there is no revision `r9`
    hint: gtc op revisions list
    {
      "pointer": "/entries/1/revision_id"
    }
    "#);
}

#[test]
fn only_ready_revisions_take_traffic() {
    for lifecycle in Lifecycle::ALL {
        let mut world = World::serving(2);
        world.force("r2", lifecycle);
        let outcome = world.turn(&[("r1", 9_999), ("r2", 1)]);
        assert_eq!(outcome.is_ok(), lifecycle == Lifecycle::Ready, "{lifecycle}");
        world.turn(&[("r1", 10_000), ("r2", 0)]).unwrap();
    }
    let mut world = rolling();
    world.stage("fast2flow");
    world.force("r4", Lifecycle::Failed);
    let refused = world.turn(&[("r1", 9_000), ("r3", 500), ("r4", 500)]);
    insta::assert_snapshot!(world.told(&refused), @r#"
    refused: only ready revisions take traffic: r3 is staged, r4 is failed
    hint: gtc op revisions warm D1/r3
    {
      "not_ready": [
        "r3",
        "r4"
      ]
    }
    "#);
}

#[test]
fn a_split_names_revisions_of_its_own_deployment_only() {
    let mut world = World::serving(1);
    world.add("shop", "/shop");
    let foreign = world.stage_ready("shop");
    for name in [foreign.as_str(), "shop/r1"] {
        for weight in [0, 1] {
            let document = json!({
                "deployment_id": "fast2flow",
                "entries": entries(&[("r1", 10_000 - weight), (name, weight)]),
            });
            let fault = world.ask::<traffic::Set>(document).unwrap_err();
            assert_eq!(fault.kind, Kind::NotFound, "{name} {weight}: {fault}");
            assert_eq!(fault.details["pointer"], "/entries/1/revision_id");
        }
    }
    let document = json!({
        "deployment_id": "fast2flow", "entries": entries(&[("fast2flow/r1", 10_000)]),
    });
    world.ask::<traffic::Set>(document).unwrap();
}

#[test]
fn without_a_split_there_is_nothing_to_go_back_to_or_to_clear() {
    let mut world = World::serving(1);
    let back = world.ask::<traffic::Rollback>(json!({}));
    insta::assert_snapshot!(world.told(&back), @"
    refused: there is no split before this one for deployment D1
    hint: gtc op traffic history --deployment D1
    {}
    ");
    let clear = world.ask::<traffic::Clear>(json!({}));
    insta::assert_snapshot!(world.told(&clear), @"
    refused: deployment D1 never took traffic
    hint: -
    {}
    ");
    world.turn(&[("r1", 10_000)]).unwrap();
    assert_eq!(world.ask::<traffic::Rollback>(json!({})).unwrap_err().kind, Kind::Refused);
}

#[test]
fn rollback_names_the_revisions_it_lacks() {
    let mut world = World::serving(3);
    world.turn(&[("r1", 5_000), ("r2", 5_000)]).unwrap();
    world.turn(&[("r3", 10_000)]).unwrap();
    world.force("r1", Lifecycle::Inactive);
    world.force("r2", Lifecycle::Failed);
    let refused = world.ask::<traffic::Rollback>(json!({}));
    insta::assert_snapshot!(world.told(&refused), @r#"
    refused: only ready revisions take traffic: r1 is inactive, r2 is failed
    hint: gtc op revisions retry D1/r1
    {
      "not_ready": [
        "r1",
        "r2"
      ]
    }
    "#);
    world.force("r1", Lifecycle::Ready);
    world.force("r2", Lifecycle::Staged);
    world.ask_with::<revisions::Warm>(json!({"revision_id": "r2"}), &green()).unwrap();
    world.ask::<traffic::Rollback>(json!({})).unwrap();
}

#[test]
fn after_clear_both_rollback_and_set_bring_it_back() {
    let mut world = rolling();
    let before = world.allocation();
    let off = world.ask::<traffic::Clear>(json!({})).unwrap();
    assert_eq!((&off["entries"], &off["has_previous"]), (&json!([]), &json!(true)));
    world.ask::<traffic::Rollback>(json!({})).unwrap();
    assert_eq!(world.allocation(), before);

    world.ask::<traffic::Clear>(json!({})).unwrap();
    let on = world.turn(&[("r2", 10_000)]).unwrap();
    assert_eq!(on["has_previous"], true);
    world.ask::<traffic::Rollback>(json!({})).unwrap();
    assert_eq!(world.allocation(), before);
}
