//! The cost of a command depends on what it touches, not on how much else there is (law 13).

use control::{View as _, env};

use crate::sim_disk::{SimDisk, Trouble};
use crate::world::{Scene, keys_beside, newest_deployment, newest_revision, on};

/// The kinds of steps that `run` takes, in order. Removals are not counted: what is pruned was
/// paid for when it was made.
fn steps(disk: &SimDisk, run: impl FnOnce()) -> Vec<String> {
    disk.expect(Trouble::None, 0);
    run();
    let steps = disk.steps().into_iter().map(|step| step.split(' ').next().unwrap().to_owned());
    steps.filter(|step| step != "remove").collect()
}

/// What each command costs in an environment of so many deployments.
fn costs(deployments: usize) -> Vec<(&'static str, Vec<String>)> {
    let disk = SimDisk::new();
    let mut scene = Scene::serving(on(&disk).rotating_at(u64::MAX));
    for i in 1..deployments {
        scene.deploy(&format!("b{i}"), &format!("/{i}"));
    }
    scene.turn("once-more");
    let bundle = format!("b{}", deployments - 1);
    let (of, revision) = (newest_deployment(&scene.memory), newest_revision(&scene.memory));
    let keys = keys_beside("init", 4);
    let stage = scene.world.stage(of, &bundle, &keys[0]);
    let set = scene.world.set(of, &[(revision, 10_000)], &keys[1]);
    let refused = scene.world.add("other", "/1", &keys[2]);
    let add = scene.world.add("other", "/other", &keys[3]);
    let store = &scene.store;
    let show = || {
        let page = control::Page { limit: 3, after: None };
        assert_eq!(env::show(&store.read().unwrap(), page).unwrap().deployments.len(), 3);
    };
    let newest = || store.read().unwrap().sequence();
    vec![
        ("env show", steps(&disk, show)),
        ("traffic set", steps(&disk, || drop(set.run(store).unwrap()))),
        ("revisions stage", steps(&disk, || drop(stage.run(store).unwrap()))),
        ("bundles add", steps(&disk, || drop(add.run(store).unwrap()))),
        ("a refusal", steps(&disk, || drop(refused.run(store).unwrap_err()))),
        ("the feed", steps(&disk, || drop(store.commits_after(newest() - 1).unwrap()))),
    ]
}

#[test]
fn a_command_takes_as_many_steps_among_300_deployments_as_among_3() {
    for ((name, few), (_, many)) in costs(3).into_iter().zip(costs(300)) {
        assert_eq!(few, many, "{name}");
    }
}

#[test]
fn a_command_waits_for_the_disk_no_more_often_than_it_must() {
    let syncs = |steps: &[String]| steps.iter().filter(|step| step.starts_with("sync")).count();
    let found: Vec<(&str, usize)> =
        costs(3).iter().map(|(name, steps)| (*name, syncs(steps))).collect();
    let wanted = [
        ("env show", 0),
        ("traffic set", 12),
        ("revisions stage", 14),
        ("bundles add", 17),
        ("a refusal", 2),
        ("the feed", 0),
    ];
    assert_eq!(found, wanted);
}
