//! Following the store.

use std::collections::BTreeSet;
use std::sync::mpsc::channel;

use control::{Key, View as _};
use store::{CommitSeen, Feed};

use crate::real::{Other, folder, store_in};
use crate::sim_disk::{Reboot, SimDisk, Trouble};
use crate::world::{Expected, Scene, newest_deployment, newest_revision, on};

fn seen(feed: Feed) -> Vec<CommitSeen> {
    match feed {
        Feed::Commits(commits) => commits,
        Feed::Gap => panic!("a gap"),
    }
}

#[test]
fn the_feed_names_exactly_what_changed() {
    let mut scene = Scene::serving(on(&SimDisk::new()));
    let from = scene.memory.sequence();
    let mut wanted = Vec::new();
    for i in 0..5 {
        let before = scene.memory.clone();
        scene.turn(&format!("turn-{i}"));
        let keys = scene.memory.records().iter();
        let keys = keys.filter(|(key, record)| before.records().get(key) != Some(record));
        let keys: BTreeSet<Key> = keys.map(|(key, _)| key.clone()).collect();
        wanted.push((scene.memory.sequence(), keys));
    }
    let found = seen(scene.store.commits_after(from).unwrap());
    let found: Vec<_> =
        found.into_iter().map(|c| (c.sequence, c.keys.into_iter().collect())).collect();
    assert_eq!(found, wanted);
    let newest = scene.memory.sequence();
    assert_eq!(seen(scene.store.commits_after(newest).unwrap()), []);
}

#[test]
fn who_is_too_far_behind_or_ahead_gets_a_gap() {
    let disk = SimDisk::new();
    let mut scene = Scene::serving(on(&disk));
    let old = disk.copy();
    let early = scene.memory.sequence();
    for i in 0..300 {
        scene.turn(&format!("turn-{i}"));
    }
    let newest = scene.memory.sequence();
    let commits = disk.paths().into_iter().filter(|path| path.starts_with("commits/")).count();
    assert_eq!(commits, 256);
    assert_eq!(scene.store.commits_after(early).unwrap(), Feed::Gap);
    assert_eq!(scene.store.commits_after(newest - 256).unwrap(), Feed::Gap);
    assert_eq!(seen(scene.store.commits_after(newest - 255).unwrap()).len(), 255);
    assert_eq!(on(&old).commits_after(newest).unwrap(), Feed::Gap);
}

#[test]
fn a_commit_that_was_read_before_it_was_done_is_no_gap() {
    let disk = SimDisk::new();
    let mut scene = Scene::serving(on(&disk));
    let of = newest_deployment(&scene.memory);
    let command = scene.world.clear(of, "clear");
    let after = Expected::of(&*command, &scene.memory).after;
    let whole = disk.copy();
    whole.expect(Trouble::None, 0);
    command.run(&on(&whole)).unwrap();
    let decided = whole.steps().iter().position(|step| step == "sync-folder journal").unwrap();
    disk.expect(Trouble::PowerOff(decided + 1), 0);
    command.run(&scene.store).unwrap_err();
    disk.reboot(Reboot::Strict);
    assert_eq!(scene.store.read().unwrap().sequence(), after.sequence());
    assert_eq!(seen(scene.store.commits_after(after.sequence()).unwrap()), []);
    assert_eq!(scene.store.commits_after(after.sequence() + 1).unwrap(), Feed::Gap);
    drop(scene.store.write(&crate::world::holder()).unwrap());
    assert_eq!(seen(scene.store.commits_after(scene.memory.sequence()).unwrap()).len(), 1);
}

#[test]
fn a_watch_tells_of_a_commit_of_another_process() {
    let folder = folder();
    let scene = Scene::serving(store_in(folder.path()));
    assert!(
        scene
            .store
            .read()
            .unwrap()
            .get(&Key::RevisionHome(newest_revision(&scene.memory)))
            .unwrap()
            .is_some()
    );
    let (tell, told) = channel();
    let watch = scene
        .store
        .watch(move || {
            let _ = tell.send(());
        })
        .unwrap();
    let from = scene.memory.sequence();
    let mut other = Other::start("add", 1, folder.path());
    while seen(scene.store.commits_after(from).unwrap()).len() < 20 {
        told.recv_timeout(crate::real::PATIENCE).unwrap();
    }
    assert!(other.hear("added 19").is_some());
    drop(watch);
}
