//! Nobody else may look.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Barrier;

use deploy_spec::Kind;
use store::Disk as _;

use crate::real::{files, folder, store_in};
use crate::sim_disk::{Reboot, SimDisk, Trouble};
use crate::world::{Scene, on};

#[test]
fn everything_that_is_made_is_private() {
    let folder = folder();
    let store = store_in(folder.path());
    store.private_file("keys/own", || Ok(b"key".to_vec())).unwrap();
    let source = folder.path().join("bundle");
    fs::write(&source, "bundle").unwrap();
    let stored = store.take_in(&source).unwrap();
    store.put_beside(&stored.digest, ".sig", b"signed").unwrap();
    Scene::serving(store);
    let mut found = 0;
    walk(&folder.path().join("environments"), &mut |path| {
        let meta = fs::metadata(path).unwrap();
        let wanted = if meta.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(meta.mode() & 0o777, wanted, "{}", path.display());
        found += 1;
    });
    assert!(found > 40, "{found}");
}

fn walk(path: &Path, see: &mut dyn FnMut(&Path)) {
    see(path);
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| walk(&entry.unwrap().path(), see));
    }
}

#[test]
fn makers_of_the_same_private_file_get_the_same_bytes() {
    let folder = folder();
    let store = store_in(folder.path());
    let start = Barrier::new(8);
    let make = |i: u8| {
        store.private_file("keys/own", || {
            start.wait();
            Ok(vec![i; 32])
        })
    };
    let made = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|i| scope.spawn(move || make(i))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect::<Vec<_>>()
    });
    assert!(made.iter().all(|bytes| bytes == &made[0]), "{made:?}");
    let later = store.private_file("keys/own", || panic!("it is there")).unwrap();
    assert_eq!(later, made[0]);
    assert_eq!(files(store.folder()).into_keys().collect::<Vec<_>>(), ["keys/own"]);
}

#[test]
fn a_private_file_is_the_old_or_the_new_one_whenever_the_power_goes() {
    const PATH: &str = "acme/of-an-authority/a.test.pem";
    let begun = SimDisk::new();
    Scene::serving(on(&begun));
    for old in [None, Some(b"old key".as_slice())] {
        if let Some(old) = old {
            on(&begun).replace_private_file(PATH, old).unwrap();
        }
        let whole = begun.copy();
        whole.expect(Trouble::None, 0);
        on(&whole).replace_private_file(PATH, b"new key").unwrap();
        let steps = whole.steps().len();
        assert!(steps > 4, "{steps}");
        for (step, reboot) in
            (0..=steps).flat_map(|step| Reboot::all(8).map(move |reboot| (step, reboot)))
        {
            let disk = begun.copy();
            disk.expect(Trouble::PowerOff(step), 0);
            let done = on(&disk).replace_private_file(PATH, b"new key");
            disk.reboot(reboot);
            let found = disk.read(PATH).unwrap();
            let is_new = found.as_deref() == Some(b"new key");
            assert!(is_new || found.as_deref() == old, "{step} {reboot:?}: {found:?}");
            assert!(is_new || done.is_err(), "{step} {reboot:?}: it is not there");
        }
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let folder = folder();
    let store = store_in(folder.path());
    store.private_file("keys/own", || Ok(b"key".to_vec())).unwrap();
    let file = store.folder().join("keys/own");
    for mode in [0o640, 0o604, 0o620, 0o610] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let fault = store.private_file("keys/own", || Ok(Vec::new())).unwrap_err();
        assert_eq!(fault.kind, Kind::Refused, "{mode:o}");
    }
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&file, store.folder().join("keys/link")).unwrap();
    let fault = store.private_file("keys/link", || Ok(Vec::new())).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    assert_eq!(store.private_file("keys/own", || Ok(Vec::new())).unwrap(), b"key");
}
