//! Sealed values: only the right key, in the right place, opens one.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use deploy_spec::{EnvironmentId, Fault, Kind};
use env_pack::{DevStore, SecretBytes};
use tempfile::TempDir;

const VALUE: &str = "hunter2-hunter2";

fn local() -> EnvironmentId {
    "local".parse().unwrap()
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::new(text.into()).unwrap()
}

fn home() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("secrets");
    (home, folder)
}

fn open(folder: &Path) -> DevStore {
    DevStore::open(folder, &local()).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A fault as a person meets it, which never shows a value.
fn said(fault: &Fault) -> String {
    let text = serde_json::to_string(fault).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    assert!(fault.hint.is_some() || fault.kind == Kind::InvalidInput, "{text}");
    text
}

#[test]
fn a_value_comes_back_and_stands_nowhere_in_plain_text() {
    let (home, folder) = home();
    let sealed = open(&folder).seal("web/api-key", &secret(VALUE)).unwrap();
    let again = open(&folder);
    let value = again.open_value("web/api-key", &sealed.value_ref).unwrap();
    assert_eq!(value.expose(), VALUE.as_bytes());
    assert!(again.holds(&sealed.value_ref));

    let file = folder.join("values").join(&sealed.value_ref);
    let bytes = fs::read(&file).unwrap();
    assert!(!bytes.windows(4).any(|part| VALUE.as_bytes().windows(4).any(|v| v == part)));
    assert_eq!((mode(&file), mode(&folder.join("dev-store.key"))), (0o600, 0o600));
    assert_eq!((mode(&folder), mode(&folder.join("values"))), (0o700, 0o700));
    let names = |folder: &Path| -> Vec<_> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(names(&folder).len(), 2, "no draft of the key is left");
    assert_eq!(names(&folder.join("values")), [sealed.value_ref.as_str()], "nor of a value");
    drop(home);
}

#[test]
fn values_of_the_greatest_length_and_of_any_bytes_come_back() {
    let (_home, folder) = home();
    let store = open(&folder);
    for bytes in [vec![0; SecretBytes::MOST], vec![0xff, 0, b'\n']] {
        let sealed = store.seal("a", &SecretBytes::new(bytes.clone()).unwrap()).unwrap();
        assert_eq!(store.open_value("a", &sealed.value_ref).unwrap().expose(), bytes);
    }
}

#[test]
fn equal_values_are_sealed_differently_and_share_a_fingerprint_only_at_one_path() {
    let (_home, folder) = home();
    let store = open(&folder);
    let one = store.seal("a", &secret(VALUE)).unwrap();
    let two = store.seal("a", &secret(VALUE)).unwrap();
    let read = |value_ref: &str| fs::read(folder.join("values").join(value_ref)).unwrap();
    assert_ne!(one.value_ref, two.value_ref);
    assert_ne!(read(&one.value_ref), read(&two.value_ref));
    assert_eq!(one.fingerprint, two.fingerprint);
    assert_eq!(one.fingerprint.len(), 32);
    assert_eq!(open(&folder).fingerprint("a", &secret(VALUE)), one.fingerprint);
    assert_ne!(store.fingerprint("b", &secret(VALUE)), one.fingerprint);
    assert_ne!(store.fingerprint("a", &secret("other")), one.fingerprint);
    // What is a path for one is not a path and a piece of the value for another.
    assert_ne!(store.fingerprint("ab", &secret("c")), store.fingerprint("a", &secret("bc")));
    let (_other_home, other) = home();
    assert_ne!(open(&other).fingerprint("a", &secret(VALUE)), one.fingerprint);
}

#[test]
fn a_file_that_was_changed_anywhere_or_cut_short_does_not_open() {
    let (_home, folder) = home();
    let store = open(&folder);
    let sealed = store.seal("a", &secret(VALUE)).unwrap();
    let file = folder.join("values").join(&sealed.value_ref);
    let whole = fs::read(&file).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        let fault = store.open_value("a", &sealed.value_ref).unwrap_err();
        assert_eq!(fault.kind, Kind::Unavailable);
        assert!(said(&fault).contains(&sealed.value_ref));
    };
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        refused(&changed);
        refused(&whole[..at]);
    }
    refused(&[whole.as_slice(), b"x"].concat());
    refused(&vec![1; 1 << 20]);
    fs::write(&file, &whole).unwrap();
    assert!(store.open_value("a", &sealed.value_ref).is_ok());
}

#[test]
fn a_file_does_not_open_in_the_place_of_another() {
    let (_home, folder) = home();
    let store = open(&folder);
    let a = store.seal("a", &secret(VALUE)).unwrap().value_ref;
    let b = store.seal("b", &secret("other")).unwrap().value_ref;
    let kind = |result: Result<SecretBytes, Fault>| {
        let fault = result.unwrap_err();
        said(&fault);
        fault.kind
    };
    assert_eq!(kind(store.open_value("b", &a)), Kind::Unavailable, "another path");
    let elsewhere = DevStore::open(&folder, &"prod-eu".parse().unwrap()).unwrap();
    assert_eq!(kind(elsewhere.open_value("a", &a)), Kind::Unavailable, "another environment");
    let file = |name: &str| folder.join("values").join(name);
    fs::rename(file(&a), file(&b)).unwrap();
    assert_eq!(kind(store.open_value("a", &b)), Kind::Unavailable, "another name");
    assert_eq!(kind(store.open_value("a", &a)), Kind::NotFound);
}

#[test]
fn another_key_opens_nothing() {
    let (_home, folder) = home();
    let sealed = open(&folder).seal("a", &secret(VALUE)).unwrap();
    fs::write(folder.join("dev-store.key"), [7; 32]).unwrap();
    let fault = open(&folder).open_value("a", &sealed.value_ref).unwrap_err();
    assert_eq!(fault.kind, Kind::Unavailable);
    said(&fault);
}

#[test]
fn a_key_that_others_could_have_read_or_made_is_refused() {
    type Spoil = (&'static str, fn(&Path));
    let spoil: [Spoil; 6] = [
        ("chmod 600", |key| fs::set_permissions(key, fs::Permissions::from_mode(0o640)).unwrap()),
        ("chmod 600", |key| fs::set_permissions(key, fs::Permissions::from_mode(0o604)).unwrap()),
        ("32 bytes", |key| fs::write(key, [1; 31]).unwrap()),
        ("32 bytes", |key| fs::write(key, [1; 33]).unwrap()),
        ("symbolic link", |key| {
            fs::rename(key, key.with_extension("old")).unwrap();
            symlink(key.with_extension("old"), key).unwrap();
        }),
        ("regular file", |key| {
            fs::remove_file(key).unwrap();
            fs::create_dir(key).unwrap();
        }),
    ];
    for (why, spoil) in spoil {
        let (_home, folder) = home();
        drop(open(&folder));
        spoil(&folder.join("dev-store.key"));
        let fault = DevStore::open(&folder, &local()).unwrap_err();
        assert_eq!(fault.kind, Kind::Refused, "{why}");
        assert!(said(&fault).contains(why), "{fault}");
    }
}

#[test]
fn a_lost_key_is_not_replaced_while_there_are_values_it_opens() {
    let (_home, folder) = home();
    let store = open(&folder);
    let sealed = store.seal("a", &secret(VALUE)).unwrap();
    fs::remove_file(folder.join("dev-store.key")).unwrap();
    let fault = DevStore::open(&folder, &local()).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    assert!(said(&fault).contains("restore"));
    assert!(!folder.join("dev-store.key").exists());
    store.erase(&sealed.value_ref).unwrap();
    fs::write(folder.join("values/left.draft"), "x").unwrap();
    open(&folder);
}

#[test]
fn a_folder_that_others_can_use_or_that_is_a_link_is_refused() {
    let (home, folder) = home();
    drop(open(&folder));
    for open_to_others in [folder.clone(), folder.join("values")] {
        fs::set_permissions(&open_to_others, fs::Permissions::from_mode(0o750)).unwrap();
        let fault = DevStore::open(&folder, &local()).unwrap_err();
        assert_eq!(fault.kind, Kind::Refused);
        assert!(said(&fault).contains("chmod 700"));
        fs::set_permissions(&open_to_others, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let link = home.path().join("link");
    symlink(&folder, &link).unwrap();
    let fault = DevStore::open(&link, &local()).unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
}

#[test]
fn an_erased_value_is_gone_and_erasing_twice_is_no_error() {
    let (_home, folder) = home();
    let store = open(&folder);
    let sealed = store.seal("a", &secret(VALUE)).unwrap();
    store.erase(&sealed.value_ref).unwrap();
    store.erase(&sealed.value_ref).unwrap();
    assert!(!store.holds(&sealed.value_ref));
    let fault = store.open_value("a", &sealed.value_ref).unwrap_err();
    assert_eq!(fault.kind, Kind::NotFound);
    said(&fault);
}

#[test]
fn a_name_that_is_not_a_ulid_never_becomes_a_path() {
    let (_home, folder) = home();
    let store = open(&folder);
    for bad in ["", ".", "..", "../dev-store.key", "/etc/passwd", "01arz3ndektsv4rrffq69g5fav"] {
        assert!(!store.holds(bad), "{bad}");
        assert_eq!(store.erase(bad).unwrap_err().kind, Kind::InvalidInput, "{bad}");
        let fault = store.open_value("a", bad).unwrap_err();
        assert_eq!(fault.kind, Kind::InvalidInput, "{bad}");
    }
    assert!(folder.join("dev-store.key").exists());
}

#[test]
fn makers_at_the_same_time_agree_on_one_key() {
    let (_home, folder) = home();
    let made: Vec<String> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| open(&folder).seal("a", &secret(VALUE)).unwrap().value_ref))
            .collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).collect()
    });
    let store = open(&folder);
    for value_ref in made {
        assert_eq!(store.open_value("a", &value_ref).unwrap().expose(), VALUE.as_bytes());
    }
}
