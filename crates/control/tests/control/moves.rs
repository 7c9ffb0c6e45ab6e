//! `revisions drain`, `complete-drain`, `retry` and `archive`.

use control::{Verb, revisions};
use deploy_spec::{Fault, Kind, Lifecycle};
use serde_json::{Value, json};

use crate::verbs::{SERVED, UNSERVED, rolling};
use crate::world::{World, green, red};

fn asked<V: Verb>(world: &mut World, revision: &str, facts: &V::Facts) -> Result<Value, Fault> {
    world.ask_with::<V>(json!({"revision_id": revision}), facts)
}

/// What a verb makes of each state; who is refused is told what to type, and nothing changes.
fn table<V: Verb>(facts: &V::Facts) -> String {
    let mut told = String::new();
    for from in Lifecycle::ALL {
        let mut world = World::serving(1);
        world.force("r1", from);
        let before = world.memory.clone();
        let line = match asked::<V>(&mut world, "r1", facts) {
            Ok(result) => {
                let same = if world.memory == before { ", as it was" } else { "" };
                format!("{}{same}", result["lifecycle"].as_str().unwrap())
            }
            Err(fault) => {
                assert_eq!((fault.kind, world.memory == before), (Kind::Refused, true), "{from}");
                assert!(fault.hint.is_some(), "{from}");
                fault.to_string()
            }
        };
        told.push_str(&world.shown(&format!("{from}: {line}\n")));
    }
    told
}

#[test]
fn drain_lets_what_is_in_flight_finish() {
    insta::assert_snapshot!(table::<revisions::Drain>(&SERVED), @"
    inactive: inactive, as it was
    staged: refused: revision r1 is staged; only a ready revision is drained (gtc op revisions archive D1/r1)
    warming: refused: revision r1 is warming; only a ready revision is drained (gtc op revisions archive D1/r1)
    ready: draining
    draining: draining, as it was
    failed: refused: revision r1 is failed; only a ready revision is drained (gtc op revisions archive D1/r1)
    archived: refused: revision r1 is archived; only a ready revision is drained (gtc op revisions list --deployment D1)
    ");
    let mut world = World::serving(1);
    let drained = asked::<revisions::Drain>(&mut world, "r1", &SERVED);
    insta::assert_snapshot!(world.told(&drained), @r#"
    {
      "deployment_id": "D1",
      "generation": 2,
      "lifecycle": "draining",
      "revision_id": "D1.r1",
      "sequence": 1
    }
    "#);
    let revision = world.revision("r1");
    insta::assert_snapshot!(revision.draining_since.unwrap(), @"2026-01-01T00:00:05Z");
}

#[test]
fn where_nobody_serves_a_drain_ends_at_once() {
    insta::assert_snapshot!(table::<revisions::Drain>(&UNSERVED), @"
    inactive: inactive, as it was
    staged: refused: revision r1 is staged; only a ready revision is drained (gtc op revisions archive D1/r1)
    warming: refused: revision r1 is warming; only a ready revision is drained (gtc op revisions archive D1/r1)
    ready: inactive
    draining: inactive
    failed: refused: revision r1 is failed; only a ready revision is drained (gtc op revisions archive D1/r1)
    archived: refused: revision r1 is archived; only a ready revision is drained (gtc op revisions list --deployment D1)
    ");
}

#[test]
fn complete_drain_is_for_what_drains() {
    insta::assert_snapshot!(table::<revisions::CompleteDrain>(&None), @"
    inactive: inactive, as it was
    staged: refused: revision r1 is staged; only a draining revision ends its drain (gtc op revisions list --deployment D1)
    warming: refused: revision r1 is warming; only a draining revision ends its drain (gtc op revisions list --deployment D1)
    ready: refused: revision r1 is ready; only a draining revision ends its drain (gtc op revisions drain D1/r1)
    draining: inactive
    failed: refused: revision r1 is failed; only a draining revision ends its drain (gtc op revisions list --deployment D1)
    archived: refused: revision r1 is archived; only a draining revision ends its drain (gtc op revisions list --deployment D1)
    ");
    let mut world = World::serving(1);
    asked::<revisions::Drain>(&mut world, "r1", &SERVED).unwrap();
    asked::<revisions::CompleteDrain>(&mut world, "r1", &None).unwrap();
    let revision = world.revision("r1");
    assert_eq!((revision.lifecycle, revision.draining_since), (Lifecycle::Inactive, None));
}

#[test]
fn retry_stages_what_failed_or_was_drained_once_more() {
    insta::assert_snapshot!(table::<revisions::Retry>(&()), @"
    inactive: staged
    staged: staged, as it was
    warming: refused: revision r1 is warming; only a failed or inactive revision is staged again (gtc op revisions warm D1/r1)
    ready: refused: revision r1 is ready; only a failed or inactive revision is staged again (gtc op traffic set --deployment D1 r1=100)
    draining: refused: revision r1 is draining; only a failed or inactive revision is staged again (wait until it is inactive: gtc op revisions show D1/r1)
    failed: staged
    archived: refused: revision r1 is archived; only a failed or inactive revision is staged again (gtc op revisions stage digest(1.0.0))
    ");
    let mut world = World::serving(0);
    world.stage("fast2flow");
    asked::<revisions::Warm>(&mut world, "r1", &red()).unwrap_err();
    let staged = world.revision("r1").staged_at;
    asked::<revisions::Retry>(&mut world, "r1", &()).unwrap();
    let revision = world.revision("r1");
    assert_eq!((revision.lifecycle, revision.gate), (Lifecycle::Staged, vec![]));
    assert!(revision.staged_at > staged);
    asked::<revisions::Warm>(&mut world, "r1", &green()).unwrap();
    world.turn(&[("r1", 10_000)]).unwrap();
}

#[test]
fn archive_puts_away_for_good() {
    insta::assert_snapshot!(table::<revisions::Archive>(&()), @"
    inactive: archived
    staged: archived
    warming: archived
    ready: archived
    draining: archived
    failed: archived
    archived: archived, as it was
    ");
    let mut world = World::serving(1);
    asked::<revisions::Archive>(&mut world, "r1", &()).unwrap();
    insta::assert_snapshot!(world.revision("r1").archived_at.unwrap(), @"2026-01-01T00:00:05Z");
}

#[test]
fn what_drains_is_archived_when_its_time_is_over() {
    let mut world = World::serving(1);
    asked::<revisions::Drain>(&mut world, "r1", &SERVED).unwrap();
    let since = world.revision("r1").draining_since.unwrap().as_second();
    world.set_clock(since + 28);
    let early = asked::<revisions::Archive>(&mut world, "r1", &());
    insta::assert_snapshot!(world.told(&early), @r#"
    refused: revision r1 is draining; it has until 2026-01-01T00:00:35Z to finish what is in flight
    hint: ask again then: gtc op revisions archive D1/r1
    {
      "drains_until": "2026-01-01T00:00:35Z",
      "lifecycle": "draining"
    }
    "#);
    world.set_clock(since + 29);
    asked::<revisions::Archive>(&mut world, "r1", &()).unwrap();
    let revision = world.revision("r1");
    assert_eq!((revision.lifecycle, revision.draining_since), (Lifecycle::Archived, None));
}

#[test]
fn what_has_weight_is_neither_drained_nor_archived() {
    let mut told = String::new();
    let splits: [&[(&str, u16)]; 4] = [
        &[("r1", 9_900), ("r2", 100)],
        &[("r1", 2_000), ("r2", 4_950), ("r3", 3_050)],
        &[("r1", 10_000)],
        &[("r1", 10_000), ("r2", 0)],
    ];
    for split in splits {
        let mut world = World::serving(3);
        world.turn(split).unwrap();
        let before = world.memory.clone();
        let drained = asked::<revisions::Drain>(&mut world, "r1", &SERVED).unwrap_err();
        let archived = asked::<revisions::Archive>(&mut world, "r1", &()).unwrap_err();
        assert_eq!(drained, archived);
        assert_eq!((drained.kind, &world.memory), (Kind::Refused, &before));
        told.push_str(&world.shown(&format!("{drained}\n")));
    }
    insta::assert_snapshot!(told, @"
    refused: revision r1 takes 99 percent of the traffic (gtc op traffic set --deployment D1 r2=100)
    refused: revision r1 takes 20 percent of the traffic (gtc op traffic set --deployment D1 r2=69.5 r3=30.5)
    refused: revision r1 takes 100 percent of the traffic (gtc op traffic set --deployment D1 r3=100)
    refused: revision r1 takes 100 percent of the traffic (gtc op traffic set --deployment D1 r3=100)
    ");
    let mut world = World::serving(1);
    world.turn(&[("r1", 10_000)]).unwrap();
    let only = asked::<revisions::Drain>(&mut world, "r1", &SERVED);
    insta::assert_snapshot!(world.told(&only), @r#"
    refused: revision r1 takes 100 percent of the traffic
    hint: gtc op traffic clear --deployment D1
    {
      "weight_bps": 10000
    }
    "#);
}

#[test]
fn the_hint_of_a_refused_drain_frees_the_revision() {
    let mut world = World::serving(3);
    world.turn(&[("r1", 2_000), ("r2", 4_950), ("r3", 3_050)]).unwrap();
    let hint = asked::<revisions::Drain>(&mut world, "r1", &SERVED).unwrap_err().hint.unwrap();
    let shares: Vec<Value> = hint
        .split(' ')
        .filter_map(|word| word.split_once('='))
        .map(|(id, percent)| {
            json!({"revision_id": id, "weight_percent": percent.parse::<f64>().unwrap()})
        })
        .collect();
    world.ask::<control::traffic::Set>(json!({"entries": shares})).unwrap();
    asked::<revisions::Drain>(&mut world, "r1", &SERVED).unwrap();
}

#[test]
fn a_rollback_to_what_was_put_away_is_refused_and_says_so() {
    let mut world = rolling();
    world.turn(&[("r2", 10_000)]).unwrap();
    asked::<revisions::Drain>(&mut world, "r1", &UNSERVED).unwrap();
    let fault = world.ask::<control::traffic::Rollback>(json!({}));
    insta::assert_snapshot!(world.told(&fault), @r#"
    refused: only ready revisions take traffic: r1 is inactive
    hint: gtc op revisions retry D1/r1
    {
      "not_ready": [
        "r1"
      ]
    }
    "#);
}
