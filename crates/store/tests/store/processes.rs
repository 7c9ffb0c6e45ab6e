//! Real processes that write at the same time, and are killed.

use control::{Lookup as _, View as _, traffic};
use deploy_spec::{DeploymentId, Fault, Kind};
use serde_json::json;
use store::{EnvironmentStore, Snapshot};

use crate::dice::Dice;
use crate::real::{Other, files, folder, role, store_in};
use crate::world::{Scene, World, events, holder, is_change};

/// Not a test of its own: what the other processes of the tests below do.
#[test]
fn as_another_process() {
    let Some((role, folder, number)) = role() else { return };
    let store = store_in(folder.as_ref());
    match role.as_str() {
        "hold" => {
            let _writer = store.write(&holder()).unwrap();
            println!("held");
            let _ = std::io::stdin().read_line(&mut String::new());
            loop {
                std::thread::park();
            }
        }
        "add" => add(&store, number),
        "turn" => turn(&store, number, u64::MAX / 2),
        "turn-20" => turn(&store, number, 20),
        "model" => crate::model::work(&store),
        other => panic!("{other}"),
    }
}

/// Adds 20 bundles.
fn add(store: &EnvironmentStore, number: u64) {
    let mut world = World::new(number);
    for i in 0..20 {
        world.add("more", &format!("/{number}/{i}"), &format!("{number}-{i}")).run(store).unwrap();
        println!("added {i}");
    }
}

/// Turns the dial `times` times, each time by a compare-and-swap on the generation of the split.
fn turn(store: &EnvironmentStore, number: u64, times: u64) {
    let mut world = World::new(number);
    for _ in 0..times {
        println!("turned {}", turn_once(&mut world, store));
    }
}

fn turn_once(world: &mut World, store: &EnvironmentStore) -> u64 {
    loop {
        let view = store.read().unwrap();
        let of = serving(&view);
        let revision = *view.revision_ids(of).unwrap().first().unwrap();
        let generation = view.deployment(of).unwrap().unwrap().split.unwrap().generation;
        drop(view);
        let entries = json!([{"revision_id": revision, "weight_bps": 10_000}]);
        let answers =
            json!({"deployment_id": of, "entries": entries, "expected_generation": generation});
        match world.ask::<traffic::Set>(answers, ()).run(store) {
            Ok(_) => return generation + 1,
            Err(Fault { kind: Kind::Conflict, .. }) => {}
            Err(fault) => panic!("{fault}"),
        }
    }
}

fn serving(view: &Snapshot) -> DeploymentId {
    view.deployments_of(&"fast2flow".parse().unwrap()).unwrap()[0]
}

fn generation(store: &EnvironmentStore) -> u64 {
    let view = store.read().unwrap();
    view.deployment(serving(&view)).unwrap().unwrap().split.unwrap().generation
}

fn sequences(store: &EnvironmentStore) -> Vec<u64> {
    let files = files(&store.folder().join("commits"));
    files.keys().map(|name| name.trim_end_matches(".json").parse().unwrap()).collect()
}

fn changes(store: &EnvironmentStore) -> usize {
    let log = std::fs::read(store.folder().join("audit/events.jsonl")).unwrap();
    events(Some(log), "the log").iter().filter(is_change).count()
}

#[test]
fn writers_in_many_processes_lose_no_update() {
    let folder = folder();
    let scene = Scene::serving(store_in(folder.path()));
    let store = scene.store;
    let before = scene.memory.sequence();
    let others: Vec<Other> = [("turn-20", 1), ("turn-20", 2), ("add", 3), ("add", 4)]
        .into_iter()
        .map(|(role, number)| Other::start(role, number, folder.path()))
        .collect();
    others.into_iter().for_each(Other::must_succeed);
    assert_eq!(generation(&store), 40);
    assert_eq!(store.read().unwrap().deployment_ids().unwrap().len(), 1 + 40);
    let newest = before + 80;
    assert_eq!(store.read().unwrap().sequence(), newest);
    assert_eq!(sequences(&store), (1..=newest).collect::<Vec<_>>());
    assert_eq!(changes(&store) as u64, newest);
}

#[test]
fn a_writer_killed_at_any_moment_leaves_a_whole_store() {
    let folder = folder();
    let scene = Scene::serving(store_in(folder.path()));
    let store = scene.store;
    let mut world = World::new(99);
    for seed in 0..25 {
        let mut dice = Dice::new(seed);
        let mut other = Other::start("turn", seed, folder.path());
        let mut told = 0;
        for _ in 0..=dice.below(4) {
            told = other.hear("turned ").unwrap().parse().unwrap();
        }
        let mine = if dice.coin() { turn_once(&mut world, &store) } else { 0 };
        for _ in 0..dice.below(300_000) {
            std::hint::spin_loop();
        }
        other.kill();
        while let Some(line) = other.hear("turned ") {
            told = line.parse().unwrap();
        }
        let last = told.max(mine);
        let found = generation(&store);
        assert!(found == last || found == last + 1, "seed {seed}: {found} after {last}");
        assert_eq!(turn_once(&mut world, &store), found + 1, "seed {seed}");
        let newest = store.read().unwrap().sequence();
        assert_eq!(changes(&store) as u64, newest, "seed {seed}");
        let kept = sequences(&store);
        assert_eq!(kept, (newest + 1 - kept.len() as u64..=newest).collect::<Vec<_>>(), "{seed}");
    }
}
