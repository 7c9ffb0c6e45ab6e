//! What is kept for later, and for how long.

use std::collections::BTreeMap;

use control::{Key, View as _};

use crate::sim_disk::{Reboot, SimDisk, Trouble};
use crate::world::{
    Command, Scene, holder, keys_beside, ledger_of, newest_deployment, newest_revision, on,
};

fn below(disk: &SimDisk, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let paths = disk.paths().into_iter().filter(|path| path.starts_with(folder));
    paths.map(|path| (path.clone(), disk.peek(&path).unwrap())).collect()
}

#[test]
fn the_last_five_before_images_are_kept_and_never_change() {
    let disk = SimDisk::new();
    let mut scene = Scene::serving(on(&disk));
    let path = format!("deployments/{}.json", newest_deployment(&scene.memory));
    let mut images = BTreeMap::new();
    for i in 0..8 {
        let before = disk.peek(&path).unwrap();
        scene.turn(&format!("turn-{i}"));
        images.insert(format!("backups/{path}/{:020}.json", scene.memory.sequence()), before);
        let kept = below(&disk, &format!("backups/{path}/"));
        assert_eq!(kept.len(), 5.min(i + 3), "a deployment changes when it is staged, set, turned");
        for (path, image) in images.iter().rev().take(5) {
            assert_eq!(kept.get(path), Some(image), "{path}");
        }
    }
    let revision = newest_revision(&scene.memory);
    let of = newest_deployment(&scene.memory);
    assert_eq!(below(&disk, &format!("backups/revisions/{of}/{revision}.json/")).len(), 1);
    assert_eq!(below(&disk, "backups/splits").len() + below(&disk, "backups/index").len(), 0);
}

fn turn(scene: &mut Scene, key: &str) -> Box<dyn Command> {
    let (of, revision) = (newest_deployment(&scene.memory), newest_revision(&scene.memory));
    scene.world.set(of, &[(revision, 10_000)], key)
}

fn is_remembered(scene: &Scene, key: &str) -> bool {
    scene.store.read().unwrap().get(&Key::Answered(key.parse().unwrap())).unwrap().is_some()
}

#[test]
fn an_answer_is_remembered_for_seven_days() {
    let mut scene = Scene::serving(on(&SimDisk::new()));
    let keys = keys_beside("init", 3);
    let day = 24 * 3600 * 1000;
    let first = turn(&mut scene, &keys[0]);
    let reply = first.run(&scene.store).unwrap().reply;
    scene.world.now_ms += 7 * day - 2_000;
    turn(&mut scene, &keys[1]).run(&scene.store).unwrap();
    let again = first.run(&scene.store).unwrap();
    assert_eq!((again.reply, again.sequence), (reply, None));
    scene.world.now_ms += 2_000;
    turn(&mut scene, &keys[2]).run(&scene.store).unwrap();
    let remembered: Vec<bool> = keys.iter().map(|key| is_remembered(&scene, key)).collect();
    assert_eq!(remembered, [false, true, true]);
}

#[test]
fn a_ledger_folder_holds_the_newest_256_answers() {
    let disk = SimDisk::new();
    let mut scene = Scene::serving(on(&disk));
    let keys = keys_beside("init", 260);
    for key in &keys[..259] {
        turn(&mut scene, key).run(&scene.store).unwrap();
    }
    assert_eq!(below(&disk, &ledger_of("init")).len(), 256);
    assert!(!is_remembered(&scene, &keys[2]) && is_remembered(&scene, &keys[3]));
    // A clock that goes backwards costs nobody the answer that was just given.
    scene.world.now_ms -= 3600 * 1000;
    let late = turn(&mut scene, &keys[259]);
    let reply = late.run(&scene.store).unwrap().reply;
    assert_eq!(late.run(&scene.store).unwrap().reply, reply);
    assert!(is_remembered(&scene, &keys[259]) && is_remembered(&scene, &keys[258]));
}

#[test]
fn a_before_image_is_there_however_the_change_was_cut_off() {
    let disk = SimDisk::new();
    let mut scene = Scene::serving(on(&disk));
    let path = format!("deployments/{}.json", newest_deployment(&scene.memory));
    let image = disk.peek(&path);
    let backup = format!("backups/{path}/{:020}.json", scene.memory.sequence() + 1);
    let command = turn(&mut scene, "turn");
    for n in 0..=80 {
        for reboot in Reboot::all(6) {
            let disk = disk.copy();
            disk.expect(Trouble::PowerOff(n), 0);
            let _ = command.run(&on(&disk));
            disk.reboot(reboot);
            drop(on(&disk).write(&holder()).unwrap());
            if disk.peek(&path) != image {
                assert_eq!(disk.peek(&backup), image, "off at {n}, {reboot:?}");
            }
        }
    }
}
