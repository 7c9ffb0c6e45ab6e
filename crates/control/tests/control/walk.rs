//! Random walks over every verb of deployments, revisions and traffic. `World` asks for every law
//! after each commit; here every state is shown to have a way out (law 3).

use std::cell::RefCell;
use std::collections::BTreeMap;

use control::{Lookup as _, bundles, env, revisions, traffic};
use deploy_spec::{Fault, Kind, Lifecycle};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::verbs::{SERVED, UNSERVED};
use crate::world::{World, cases, green, red, staged_bundle};

const BUNDLES: [&str; 2] = ["alpha", "beta"];
const REVISIONS: usize = 4;

#[derive(Debug, Clone)]
enum Op {
    Add(usize),
    Update(usize, usize),
    Pause(usize),
    Resume(usize),
    Remove(usize),
    Stage(usize),
    Warm(usize, usize, bool),
    Drain(usize, usize, bool),
    CompleteDrain(usize, usize),
    Retry(usize, usize),
    Archive(usize, usize),
    Prune(u32),
    /// The share of one revision, in basis points; the rest is another's.
    Set(usize, usize, usize, u16),
    Rollback(usize),
    Clear(usize),
    Tag(usize, usize),
    Untag(usize),
    Shadow(usize, usize),
    Unshadow(usize),
    /// Seconds go by.
    Wait(i64),
}

fn op() -> impl Strategy<Value = Op> {
    let of = || 0..BUNDLES.len();
    let revision = || (of(), 1..=REVISIONS);
    let gate = (of(), 1..=REVISIONS, prop::bool::weighted(0.8));
    let served = (of(), 1..=REVISIONS, any::<bool>());
    let share = prop_oneof![Just(10_000_u16), Just(0), 1..10_000_u16];
    let set = (of(), 1..=REVISIONS, 1..=REVISIONS, share);
    prop_oneof![
        4 => of().prop_map(Op::Add),
        2 => (of(), 0..3_usize).prop_map(|(of, prefix)| Op::Update(of, prefix)),
        2 => of().prop_map(Op::Pause),
        2 => of().prop_map(Op::Resume),
        1 => of().prop_map(Op::Remove),
        8 => of().prop_map(Op::Stage),
        16 => gate.prop_map(|(of, revision, green)| Op::Warm(of, revision, green)),
        6 => served.prop_map(|(of, revision, served)| Op::Drain(of, revision, served)),
        4 => revision().prop_map(|(of, revision)| Op::CompleteDrain(of, revision)),
        8 => revision().prop_map(|(of, revision)| Op::Retry(of, revision)),
        4 => revision().prop_map(|(of, revision)| Op::Archive(of, revision)),
        2 => (0..2_u32).prop_map(Op::Prune),
        24 => set.prop_map(|(of, one, other, bps)| Op::Set(of, one, other, bps)),
        8 => of().prop_map(Op::Rollback),
        2 => of().prop_map(Op::Clear),
        4 => revision().prop_map(|(of, revision)| Op::Tag(of, revision)),
        2 => of().prop_map(Op::Untag),
        4 => revision().prop_map(|(of, revision)| Op::Shadow(of, revision)),
        2 => of().prop_map(Op::Unshadow),
        2 => (0..60_i64).prop_map(Op::Wait),
    ]
}

fn of(bundle: usize) -> Value {
    json!({"deployment_id": BUNDLES[bundle]})
}

fn revision(bundle: usize, sequence: usize) -> Value {
    json!({"revision_id": format!("{}/r{sequence}", BUNDLES[bundle])})
}

fn deployments(world: &mut World, op: &Op) -> Result<Value, Fault> {
    match op {
        Op::Add(i) => world.ask::<bundles::Add>(json!({
            "bundle_id": BUNDLES[*i], "route_binding": {"path_prefix": format!("/{i}")},
        })),
        Op::Update(i, prefix) => world.ask::<bundles::Update>(json!({
            "deployment_id": BUNDLES[*i], "route_binding": {"path_prefix": format!("/{prefix}")},
        })),
        Op::Pause(i) => world.ask::<bundles::Pause>(of(*i)),
        Op::Resume(i) => world.ask::<bundles::Resume>(of(*i)),
        Op::Remove(i) => world.ask::<bundles::Remove>(of(*i)),
        other => traffic(world, other),
    }
}

fn traffic(world: &mut World, op: &Op) -> Result<Value, Fault> {
    match op {
        Op::Set(i, one, other, bps) => {
            let shares = if one == other {
                vec![(one, 10_000)]
            } else {
                vec![(one, *bps), (other, 10_000 - bps)]
            };
            let entry = |(n, bps)| json!({"revision_id": format!("r{n}"), "weight_bps": bps});
            let entries: Vec<Value> = shares.into_iter().map(entry).collect();
            world.ask::<traffic::Set>(json!({"deployment_id": BUNDLES[*i], "entries": entries}))
        }
        Op::Rollback(i) => world.ask::<traffic::Rollback>(of(*i)),
        Op::Clear(i) => world.ask::<traffic::Clear>(of(*i)),
        Op::Shadow(i, n) => world.ask::<traffic::CastShadow>(json!({
            "deployment_id": BUNDLES[*i],
            "entry": {"revision_id": format!("r{n}"), "weight_bps": 100},
        })),
        Op::Unshadow(i) => world.ask::<traffic::Unshadow>(of(*i)),
        other => lives(world, other),
    }
}

fn lives(world: &mut World, op: &Op) -> Result<Value, Fault> {
    match *op {
        Op::Stage(i) => {
            let bundle = staged_bundle(BUNDLES[i], "1.0.0");
            world.ask_with::<revisions::Stage>(json!({"bundle": "x"}), &bundle)
        }
        Op::Warm(i, n, is_green) => {
            let gate = if is_green { green() } else { red() };
            world.ask_with::<revisions::Warm>(revision(i, n), &gate)
        }
        Op::Drain(i, n, served) => {
            let facts = if served { SERVED } else { UNSERVED };
            world.ask_with::<revisions::Drain>(revision(i, n), &facts)
        }
        Op::CompleteDrain(i, n) => {
            world.ask_with::<revisions::CompleteDrain>(revision(i, n), &None)
        }
        Op::Retry(i, n) => world.ask::<revisions::Retry>(revision(i, n)),
        Op::Archive(i, n) => world.ask::<revisions::Archive>(revision(i, n)),
        Op::Tag(i, n) => {
            let name = format!("{}/r{n}", BUNDLES[i]);
            world.ask::<revisions::Tag>(json!({"revision_id": name, "tag": "next"}))
        }
        Op::Untag(i) => {
            world.ask::<revisions::Untag>(json!({"deployment_id": BUNDLES[i], "tag": "next"}))
        }
        Op::Prune(keep) => {
            world.ask::<revisions::Prune>(json!({"keep": keep, "older_than_days": 0}))
        }
        Op::Wait(seconds) => {
            let now = world.audit.last().map_or(0, |event| event.ts.as_second());
            world.set_clock(now + seconds);
            Ok(Value::Null)
        }
        _ => unreachable!("{op:?} is asked for elsewhere"),
    }
}

/// Every deployment can be paused, taken off the air, and removed from there, in either way.
fn has_ways_out(world: &World) -> Result<(), TestCaseError> {
    for id in world.memory.deployment_ids().unwrap() {
        let document = json!({"deployment_id": id.to_string()});
        let mut paused = world.clone();
        let pause = paused.ask::<bundles::Pause>(document.clone());
        prop_assert!(pause.is_ok(), "{pause:?}");
        let mut cleared = world.clone();
        let split = world.memory.deployment(id).unwrap().unwrap().split;
        let clear = cleared.ask::<traffic::Clear>(document.clone());
        prop_assert_eq!(clear.is_ok(), split.is_some(), "{:?}", clear);
        for mut way in [paused, cleared] {
            let removed = way.ask::<bundles::Remove>(document.clone());
            prop_assert!(removed.is_ok(), "{removed:?}");
        }
    }
    Ok(())
}

/// Everything can be removed, then forgotten, then the environment destroyed.
fn can_be_emptied(world: &mut World) -> Result<(), TestCaseError> {
    for id in world.memory.deployment_ids().unwrap() {
        let document = json!({"deployment_id": id.to_string()});
        world.ask::<bundles::Pause>(document.clone()).unwrap();
        world.ask::<bundles::Remove>(document).unwrap();
    }
    world.ask::<revisions::Prune>(json!({"keep": 0, "older_than_days": 0})).unwrap();
    world.ask::<env::Destroy>(json!({"confirm": "local"})).unwrap();
    prop_assert_eq!(world.memory.records().len(), 0, "nothing is left behind");
    Ok(())
}

/// The word that a command goes by in the count of what was tried.
fn word(op: &Op) -> String {
    let text = format!("{op:?}");
    text.split('(').next().unwrap_or_default().to_owned()
}

#[test]
fn every_walk_keeps_the_laws_and_nothing_is_ever_stuck() {
    let changed: RefCell<BTreeMap<String, u32>> = RefCell::default();
    let seen: RefCell<BTreeMap<Lifecycle, u32>> = RefCell::default();
    let walk = prop::collection::vec(op(), 8..48);
    let walked = TestRunner::new(cases(48)).run(&walk, |ops| {
        let mut world = World::local();
        for (i, bundle) in BUNDLES.into_iter().enumerate() {
            deployments(&mut world, &Op::Add(i)).unwrap();
            for _ in 0..2 {
                world.stage_ready(bundle);
            }
        }
        for op in &ops {
            let before = world.memory.clone();
            let answer = deployments(&mut world, op);
            let stays = answer.as_ref().err().is_some_and(|fault| fault.kind != Kind::Unhealthy);
            prop_assert!(!stays || world.memory == before, "{op:?}: {answer:?}");
            let defect = matches!(&answer, Err(fault) if fault.kind == Kind::Internal);
            prop_assert!(!defect, "{op:?}: {answer:?}");
            if world.memory != before {
                *changed.borrow_mut().entry(word(op)).or_default() += 1;
                has_ways_out(&world)?;
            }
            for id in world.memory.deployment_ids().unwrap() {
                for revision in world.memory.revisions(id).unwrap() {
                    *seen.borrow_mut().entry(revision.lifecycle).or_default() += 1;
                }
            }
        }
        can_be_emptied(&mut world)
    });
    assert!(walked.is_ok(), "{walked:?}");
    assert_eq!(changed.borrow().len(), 19, "every verb changed something: {changed:?}");
    assert_eq!(seen.borrow().len(), 6, "every stored state was seen: {seen:?}");
}
