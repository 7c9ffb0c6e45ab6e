//! Circumstances that a store meets in a long life: each ends in words, and nothing is lost.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;

use control::View as _;
use deploy_spec::Kind;
use store::{AuditFilter, PermissionProblem};

use crate::real::{files, folder, store_in};
use crate::sim_disk::{SimDisk, Trouble};
use crate::world::{Scene, assert_log_is_whole, holder, is_change, newest_deployment, on, same};

#[test]
fn a_store_that_cannot_be_written_can_be_read_and_says_why() {
    for (why, hint) in [
        (ErrorKind::ReadOnlyFilesystem, "read-only file system"),
        (ErrorKind::PermissionDenied, "belongs to another account"),
        (ErrorKind::StorageFull, "free some space"),
        (ErrorKind::QuotaExceeded, "free some space"),
    ] {
        let disk = SimDisk::new();
        let mut scene = Scene::serving(on(&disk));
        let command = scene.world.clear(newest_deployment(&scene.memory), "clear");
        disk.expect(Trouble::Never(why), 0);
        let fault = command.run(&scene.store).unwrap_err();
        assert_eq!(fault.kind, Kind::Unavailable);
        assert!(fault.hint.as_ref().unwrap().contains(hint), "{fault}");
        let path = fault.details["path"].as_str().unwrap();
        assert!(fault.message.contains(path), "{fault}");
        same(&scene.store.read().unwrap(), &scene.memory, &scene.memory).unwrap();
        assert_log_is_whole(&scene.store, hint);
        assert!(!scene.store.audit_list(&AuditFilter::default()).unwrap().events.is_empty());
        scene.store.backups().unwrap();
        disk.expect(Trouble::None, 0);
        command.run(&scene.store).unwrap();
    }
}

#[test]
fn a_store_of_a_newer_gtc_is_left_alone() {
    let folder = folder();
    let mut scene = Scene::serving(store_in(folder.path()));
    let marker = scene.store.folder().join("format.json");
    assert_eq!(fs::read_to_string(&marker).unwrap(), "{\"schema\":\"greentic.store.v1\"}");
    let command = scene.world.clear(newest_deployment(&scene.memory), "clear");
    fs::write(&marker, "{\"schema\":\"greentic.store.v2\",\"more\":1}").unwrap();
    let before = files(scene.store.folder());
    for fault in [scene.store.read().err().unwrap(), command.run(&scene.store).unwrap_err()] {
        assert_eq!(
            (fault.kind, &fault.details["path"]),
            (Kind::Unavailable, &"format.json".into())
        );
        assert!(fault.message.contains("a newer gtc wrote it"), "{fault}");
        assert!(fault.hint.unwrap().contains("a newer one"));
    }
    assert!(files(scene.store.folder()) == before);
    // A store that was made before there was a marker gets one.
    fs::remove_file(&marker).unwrap();
    command.run(&scene.store).unwrap();
    assert!(marker.exists());
}

#[test]
fn a_record_of_a_newer_gtc_says_so_and_offers_no_older_one() {
    let folder = folder();
    let mut scene = Scene::serving(store_in(folder.path()));
    let of = newest_deployment(&scene.memory);
    let path = format!("deployments/{of}.json");
    let file = scene.store.folder().join(&path);
    let newer = fs::read_to_string(&file).unwrap().replace("deployment.v1", "deployment.v2");
    fs::write(&file, &newer).unwrap();
    let fault = scene.world.clear(of, "clear").run(&scene.store).unwrap_err();
    assert_eq!(fault.kind, Kind::Unavailable);
    assert!(fault.message.contains("a newer gtc wrote it"), "{fault}");
    assert!(!fault.details.contains_key("backup"), "{fault}");
    assert_eq!(fs::read_to_string(&file).unwrap(), newer);
}

#[test]
fn stray_files_break_no_listing_and_are_named() {
    let folder = folder();
    let scene = Scene::serving(store_in(folder.path()));
    let of = newest_deployment(&scene.memory);
    assert_eq!(scene.store.stray_files().unwrap(), [""; 0]);
    let strays = [
        format!("deployments/{of}.json~"),
        "deployments/notes.json".into(),
        format!("index/bundles/fast2flow/.{of}.json.swp"),
        "index/revisions/README".into(),
        "index/routes/abc.json".into(),
        format!("revisions/{of}/copy of it.json"),
        "splits/notes".into(),
    ];
    for stray in &strays {
        let file = scene.store.folder().join(stray);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "{").unwrap();
    }
    // Half a record of a writer that died is nobody's loss.
    fs::write(scene.store.folder().join(format!("deployments/{of}.json.draft")), "{").unwrap();
    assert_eq!(scene.store.stray_files().unwrap(), strays);
    let view = scene.store.read().unwrap();
    same(&view, &scene.memory, &scene.memory).unwrap();
    view.all().unwrap();
}

#[test]
fn half_written_drafts_are_ignored_and_written_over() {
    let folder = folder();
    let mut scene = Scene::serving(store_in(folder.path()));
    let of = newest_deployment(&scene.memory);
    let drafts = [
        format!("deployments/{of}.json.draft"),
        "journal/draft".into(),
        "audit/head.json.draft".into(),
    ];
    for draft in &drafts {
        fs::write(scene.store.folder().join(draft), "{\"half").unwrap();
    }
    same(&scene.store.read().unwrap(), &scene.memory, &scene.memory).unwrap();
    assert_log_is_whole(&scene.store, "with drafts");
    scene.turn("again");
    assert!(drafts.iter().all(|draft| !scene.store.folder().join(draft).exists()));
    same(&scene.store.read().unwrap(), &scene.memory, &scene.memory).unwrap();
}

#[test]
fn a_clock_that_goes_backwards_disturbs_nothing() {
    let folder = folder();
    let mut scene = Scene::serving(store_in(folder.path()).rotating_at(2_000));
    for i in 0..6 {
        scene.world.now_ms -= 400 * 24 * 3600 * 1000;
        scene.turn(&format!("turn-{i}"));
        scene.deploy(&format!("b{i}"), &format!("/{i}"));
        same(&scene.store.read().unwrap(), &scene.memory, &scene.memory).unwrap();
    }
    assert_log_is_whole(&scene.store, "backwards");
    let events = scene.store.audit_list(&AuditFilter::default()).unwrap().events;
    let changes = events.iter().filter(is_change).count();
    assert_eq!(changes as u64, scene.memory.sequence());
    for pair in events.windows(2) {
        assert_eq!(pair[0].prev_hash, pair[1].hash);
    }
}

#[test]
fn what_others_may_read_is_named() {
    let folder = folder();
    let store = Scene::serving(store_in(folder.path())).store;
    assert_eq!(store.permission_problems().unwrap(), []);
    let problem = |path: &str, found: &str, wanted: &str| PermissionProblem {
        path: path.into(),
        found: found.into(),
        wanted: wanted.into(),
    };
    let set = |path: &str, mode| {
        fs::set_permissions(store.folder().join(path), Permissions::from_mode(mode)).unwrap();
    };
    set("environment.json", 0o644);
    set("audit", 0o755);
    set("", 0o750);
    let mut found = store.permission_problems().unwrap();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let wanted = [
        problem("", "0750", "0700"),
        problem("audit", "0755", "0700"),
        problem("environment.json", "0644", "0600"),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_lock_that_cannot_be_opened_is_named() {
    let folder = folder();
    let store = Scene::serving(store_in(folder.path())).store;
    fs::remove_file(store.folder().join(".lock")).unwrap();
    fs::create_dir(store.folder().join(".lock")).unwrap();
    let fault = store.write(&holder()).err().unwrap();
    assert_eq!((fault.kind, &fault.details["path"]), (Kind::Unavailable, &".lock".into()));
}
