//! Every record has a file of its own, whatever it is called, and its name comes back from it.

use control::{Key, Lookup as _, View as _};
use store::EnvironmentStore;

use crate::real::{folder, store_in};
use crate::sim_disk::SimDisk;
use crate::world::{Scene, on, same};

/// Paths that would meet in one file, or in a folder that is one, if files were named carelessly;
/// in order.
const PATHS: [&str; 9] =
    [".a", "A", "a", "a-b", "a.json", "a.json/b", "a/b", "a/b.json", "a/b/c.json.draft"];

fn tell_apart(store: EnvironmentStore) {
    let mut scene = Scene::serving(store);
    for (i, path) in PATHS.iter().rev().enumerate() {
        scene.ask(|w, _| w.put_secret(path, &format!("value-{i}"), &format!("put-{i}")));
    }
    let longest = format!("z{}", "/a".repeat(119));
    scene.ask(|w, _| w.put_secret(&longest, "long", "put-long"));
    scene.ask(|w, m| w.back_up(m, "back-up"));
    let view = scene.store.read().unwrap();
    same(&view, &scene.memory, &scene.memory).unwrap();
    let found = view.secret_paths().unwrap();
    let found: Vec<&str> = found.iter().map(deploy_spec::SecretPath::as_str).collect();
    assert_eq!(found, [&PATHS[..], &[longest.as_str()]].concat());
}

#[test]
fn no_two_secrets_share_a_file() {
    tell_apart(on(&SimDisk::new()));
    let folder = folder();
    tell_apart(store_in(folder.path()));
}

#[test]
fn all_names_every_record_but_the_remembered_answers() {
    let folder = folder();
    let mut scene = Scene::serving(store_in(folder.path()));
    scene.deploy("shop", "/shop");
    scene.turn("again");
    scene.ask(|w, _| w.put_secret("a", "one", "put"));
    scene.ask(|w, m| w.back_up(m, "back-up"));
    let all = scene.store.read().unwrap().all().unwrap();
    assert_eq!(all, scene.memory.all().unwrap());
    let counted = |is: fn(&Key) -> bool| all.iter().filter(|key| is(key)).count();
    assert_eq!(counted(|key| matches!(key, Key::Environment)), 1);
    assert_eq!(counted(|key| matches!(key, Key::Deployment(_))), 2);
    assert_eq!(counted(|key| matches!(key, Key::Revision(..))), 2);
    assert_eq!(counted(|key| matches!(key, Key::PastSplit(..))), 1);
    assert_eq!(counted(|key| matches!(key, Key::Route(_))), 2);
    assert_eq!(counted(|key| matches!(key, Key::BundleMember(..))), 2);
    assert_eq!(counted(|key| matches!(key, Key::RevisionHome(_))), 2);
    assert_eq!(counted(|key| matches!(key, Key::Secret(_))), 1);
    assert_eq!(counted(|key| matches!(key, Key::Backup(_))), 1);
    assert_eq!(counted(|key| matches!(key, Key::Roster | Key::RosterPage(_))), 2);
    assert_eq!(all.len(), 16, "and nothing else");
}

#[test]
fn a_fresh_environment_is_one_record() {
    let mut scene = Scene::new(on(&SimDisk::new()));
    scene.ask(|w, _| w.init("init"));
    let keys = scene.store.read().unwrap().all().unwrap();
    assert_eq!(keys, [Key::Environment]);
}
