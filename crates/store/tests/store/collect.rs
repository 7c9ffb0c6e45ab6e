//! Bundles that nobody needs.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use control::{Lookup as _, env_packs};
use deploy_spec::{Digest, Kind, PackRef, Slot, Timestamp};
use serde_json::json;
use store::{Collected, EnvironmentStore, Removal};

use crate::real::{files, folder, store_in};
use crate::world::{Scene, holder, newest_deployment, newest_revision};

const MINUTE: Duration = Duration::from_secs(60);

/// Now, by the clock of the file system.
fn now(store: &EnvironmentStore) -> SystemTime {
    let file = store.folder().join("clock");
    fs::write(&file, "tick").unwrap();
    let now = fs::metadata(&file).unwrap().modified().unwrap();
    fs::remove_file(&file).unwrap();
    now
}

fn age(path: &PathBuf, at: SystemTime) {
    File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
}

/// Takes a bundle in that is so old.
fn take_in(store: &EnvironmentStore, text: &str, old: Duration) -> Digest {
    let source = store.folder().parent().unwrap().join("source");
    fs::write(&source, text).unwrap();
    let stored = store.take_in(&source).unwrap();
    store.put_beside(&stored.digest, ".dsse.json", b"signed").unwrap();
    let at = now(store) - old;
    age(&stored.path, at);
    age(&PathBuf::from(format!("{}.dsse.json", stored.path.display())), at);
    stored.digest
}

fn collect(store: &EnvironmentStore, removal: Removal) -> Collected {
    let now = Timestamp::try_from(now(store)).unwrap();
    store.collect_artifacts(now, removal, &holder()).unwrap()
}

#[test]
fn what_a_revision_needs_and_what_is_young_stays() {
    let folder = folder();
    let store = Scene::serving(store_in(folder.path())).store;
    let needed = take_in(&store, "fast2flow", 90 * MINUTE);
    let young = take_in(&store, "young", 59 * MINUTE);
    let old = take_in(&store, "old", 61 * MINUTE);
    let refreshed = take_in(&store, "refreshed", 90 * MINUTE);
    assert!(store.refresh_artifact(&refreshed, now(&store).try_into().unwrap()).unwrap());
    assert!(!store.refresh_artifact(&Digest::of(b"absent"), Timestamp::UNIX_EPOCH).unwrap());
    let drafts: Vec<PathBuf> = [(".draft-1-0", 10), (".draft-1-1", 70)]
        .into_iter()
        .map(|(name, minutes)| {
            let path = store.folder().join("artifacts/sha256").join(name);
            fs::write(&path, "half").unwrap();
            age(&path, now(&store) - minutes * MINUTE);
            path
        })
        .collect();
    let before = files(store.folder());
    let would = collect(&store, Removal::LookOnly);
    let unlocked = |store: &EnvironmentStore| {
        let mut files = files(store.folder());
        files.insert(".lock".into(), before[".lock"].clone());
        files
    };
    assert!(unlocked(&store) == before);
    let did = collect(&store, Removal::Remove);
    assert_eq!(would, did);
    assert_eq!((did.kept, did.drafts), (3, 1));
    let removed: Vec<(&Digest, u64)> =
        did.removed.iter().map(|a| (&a.digest, a.size_bytes)).collect();
    assert_eq!(removed, [(&old, 3 + 6)]);
    for digest in [&needed, &young, &refreshed] {
        assert!(store.artifact(digest).exists());
        assert!(store.get_beside(digest, ".dsse.json").unwrap().is_some());
    }
    assert!(!store.artifact(&old).exists());
    assert_eq!(store.get_beside(&old, ".dsse.json").unwrap(), None);
    assert!(drafts[0].exists() && !drafts[1].exists());
    assert_eq!(collect(&store, Removal::Remove).removed, []);
}

#[test]
fn what_a_slot_is_bound_to_and_what_a_rollback_would_put_back_stays() {
    let folder = folder();
    let mut scene = Scene::serving(store_in(folder.path()));
    let codes = ["one", "two", "three"].map(|code| take_in(&scene.store, code, 90 * MINUTE));
    let bind = |scene: &mut Scene, digest: &Digest| {
        let digest = digest.clone();
        scene.ask(|world, memory| {
            let slot = Slot::Deployer;
            let facts = env_packs::PackFacts {
                slot,
                pack_ref: PackRef::At("cluster.wasm".into()),
                digest: Some(digest),
                objection: None,
                problems: Vec::new(),
                generation: env_packs::slot_generation(&memory.environment().unwrap(), slot),
            };
            let document = json!({"slot": slot, "pack_ref": "cluster.wasm"});
            world.ask::<env_packs::Update>(document, facts)
        });
    };
    for digest in &codes {
        bind(&mut scene, digest);
    }
    let removed = |scene: &Scene| -> Vec<Digest> {
        let did = collect(&scene.store, Removal::Remove);
        did.removed.into_iter().map(|gone| gone.digest).collect()
    };
    assert_eq!(removed(&scene), [codes[0].clone()], "one binding before the present one is kept");
    scene.ask(|world, _| world.ask::<env_packs::Remove>(json!({"slot": "deployer"}), ()));
    assert_eq!(removed(&scene), [], "what was removed can be put back");
    assert!(scene.store.artifact(&codes[1]).exists() && scene.store.artifact(&codes[2]).exists());
}

#[test]
fn what_is_staged_while_somebody_collects_stays() {
    let folder = folder();
    let mut scene = Scene::serving(store_in(folder.path()));
    let staged = take_in(&scene.store, "late", Duration::ZERO);
    assert_eq!(collect(&scene.store, Removal::Remove).removed, []);
    scene.ask(|w, m| w.stage(newest_deployment(m), "late", "late-stage"));
    age(&scene.store.artifact(&staged), now(&scene.store) - 300 * MINUTE);
    collect(&scene.store, Removal::Remove);
    assert!(scene.store.artifact(&staged).exists());
    // A clock that went backwards makes nothing old.
    age(
        &scene.store.artifact(&take_in(&scene.store, "future", Duration::ZERO)),
        now(&scene.store) + 300 * MINUTE,
    );
    assert_eq!(collect(&scene.store, Removal::Remove).removed, []);
}

#[test]
fn nothing_goes_while_a_revision_cannot_be_read() {
    let folder = folder();
    let scene = Scene::serving(store_in(folder.path()));
    let store = &scene.store;
    let digest = take_in(store, "old", 90 * MINUTE);
    let (of, id) = (newest_deployment(&scene.memory), newest_revision(&scene.memory));
    fs::write(store.folder().join(format!("revisions/{of}/{id}.json")), "{").unwrap();
    let at = now(store).try_into().unwrap();
    let fault = store.collect_artifacts(at, Removal::Remove, &holder()).unwrap_err();
    assert_eq!(fault.kind, Kind::Unavailable);
    assert!(store.artifact(&digest).exists());
}
