//! Bundles by content address.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Barrier;

use deploy_spec::{Digest, Kind};
use sha2::{Digest as _, Sha256};

use crate::real::{files, folder, store_in};

#[test]
fn what_is_no_readable_file_is_not_taken_in() {
    let folder = folder();
    let store = store_in(folder.path());
    let loop_ = folder.path().join("loop");
    std::os::unix::fs::symlink(&loop_, &loop_).unwrap();
    for (path, kind) in [
        (folder.path().join("absent"), Kind::NotFound),
        (folder.path().to_owned(), Kind::InvalidInput),
        ("/dev/null".into(), Kind::InvalidInput),
        (loop_, Kind::Unavailable),
    ] {
        let fault = store.take_in(&path).unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.message.contains(path.to_str().unwrap()), "{fault}");
    }
    assert!(!store.exists());
}

#[test]
fn a_large_file_is_hashed_as_it_is_copied() {
    let folder = folder();
    let store = store_in(folder.path());
    let source = folder.path().join("large");
    let mut file = fs::File::create(&source).unwrap();
    let size = 40 * 1024 * 1024 + 3;
    file.seek(SeekFrom::Start(size - 3)).unwrap();
    file.write_all(b"end").unwrap();
    let stored = store.take_in(&source).unwrap();
    let bytes = fs::read(&source).unwrap();
    assert_eq!(stored.digest, Digest::from_hash(Sha256::digest(&bytes).into()));
    assert_eq!((stored.size_bytes, &stored.path), (size, &store.artifact(&stored.digest)));
    assert!(fs::read(&stored.path).unwrap() == bytes);
}

#[test]
fn the_same_file_can_be_taken_in_many_times_at_once() {
    let folder = folder();
    let store = store_in(folder.path());
    let source = folder.path().join("bundle");
    fs::write(&source, vec![7; 3_000_000]).unwrap();
    let start = Barrier::new(8);
    let take_in = || {
        start.wait();
        let stored = store.take_in(&source).unwrap();
        store.put_beside(&stored.digest, ".sig", b"signed").unwrap();
        stored
    };
    let stored = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(take_in)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let digest = Digest::of(&fs::read(&source).unwrap());
    assert!(stored.iter().all(|stored| stored.digest == digest));
    let hex = digest.hex();
    let names: Vec<String> = files(store.folder()).into_keys().collect();
    assert_eq!(names, [format!("artifacts/sha256/{hex}"), format!("artifacts/sha256/{hex}.sig")]);
    assert_eq!(store.get_beside(&digest, ".sig").unwrap().unwrap(), b"signed");
    assert_eq!(store.get_beside(&digest, ".other").unwrap(), None);
}
