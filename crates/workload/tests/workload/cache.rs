//! Compiled code on disk.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use deploy_spec::Kind;
use tempfile::TempDir;
use workload::{Engine, EngineSettings, Given};

use crate::support::{Bundle, ask, bundle, get, naughty_bundle};

struct Cached {
    dir: TempDir,
    bundle: Bundle,
}

impl Cached {
    fn new() -> Self {
        let cached = Self { dir: TempDir::new().unwrap(), bundle: naughty_bundle("") };
        cached.load();
        cached
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("code")
    }

    fn engine(&self) -> Result<Engine, deploy_spec::Fault> {
        let cache_dir = Some(self.path());
        Engine::new(EngineSettings { cache_dir, instances: 2, ..EngineSettings::default() })
    }

    /// Loads the bundle in an engine of its own, and has it answer.
    fn load(&self) {
        let workload = self.bundle.load(&self.engine().unwrap()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        assert_eq!(runtime.block_on(ask(&workload, get("/x"))).text(), "/x");
    }

    fn file(&self, suffix: &str) -> PathBuf {
        let files = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut files = files.filter(|path| path.extension().is_some_and(|found| found == suffix));
        files.next().unwrap()
    }

    /// Which file lies there: a new one whenever the component was compiled.
    fn inode(&self) -> u64 {
        fs::symlink_metadata(self.file("cwasm")).unwrap().ino()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn a_component_is_compiled_once() {
    let cached = Cached::new();
    let first = cached.inode();
    cached.load();
    assert_eq!(cached.inode(), first);
    assert_eq!(fs::read_dir(cached.path()).unwrap().count(), 3, "no file is left behind");
    assert_eq!(mode(&cached.path()), 0o700);
    assert_eq!(mode(&cached.file("cwasm")), 0o600);
    assert_eq!(mode(&cached.file("sum")), 0o600);
    assert_eq!(mode(&cached.file("key")), 0o600);
}

#[test]
fn the_same_component_in_another_bundle_is_not_compiled_again() {
    let cached = Cached::new();
    let first = cached.inode();
    naughty_bundle("public_path: /other").load(&cached.engine().unwrap()).unwrap();
    assert_eq!(cached.inode(), first);
    let files = fs::read_dir(cached.path()).unwrap();
    let suffixes = files.map(|entry| entry.unwrap().path().extension().unwrap().to_owned());
    assert_eq!(suffixes.filter(|suffix| suffix == "key").count(), 2, "each knows its code");
}

#[test]
fn a_component_that_was_compiled_is_not_read() {
    let cached = Cached::new();
    let pack = "  - {pack_id: web, kind: http-component, path: packs/web.wasm}\n";
    let unreadable = bundle(pack, &[("packs/web.wasm", b"not a component")]);
    let load = |digest| {
        cached.engine().unwrap().load(&unreadable.archive, digest, &Given::default()).map(drop)
    };
    assert_eq!(load(&cached.bundle.digest), Ok(()), "a bundle is known by its digest");
    assert_eq!(load(&unreadable.digest).unwrap_err().kind, Kind::InvalidInput);
}

#[test]
fn what_is_said_of_a_place_is_believed_only_when_it_leads_to_code() {
    let cached = Cached::new();
    let (key, first) = (cached.file("key"), cached.inode());
    let good = fs::read(&key).unwrap();
    for bad in [b"".as_slice(), b"../../etc/passwd", &[b'0'; 64], &[b'/'; 64]] {
        fs::write(&key, bad).unwrap();
        cached.load();
        assert_eq!(cached.inode(), first, "the code is found by what the component is");
        assert!(fs::read(&key).unwrap() == good);
    }
}

#[test]
fn code_that_is_not_what_was_written_is_compiled_anew() {
    let cached = Cached::new();
    let good = fs::read(cached.file("cwasm")).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for bad in [&good[..good.len() / 2], &[], b"not code".as_slice(), &flipped] {
        fs::write(cached.file("cwasm"), bad).unwrap();
        let before = cached.inode();
        cached.load();
        assert_ne!(cached.inode(), before);
        assert!(fs::read(cached.file("cwasm")).unwrap() == good);
    }
    fs::remove_file(cached.file("sum")).unwrap();
    let before = cached.inode();
    cached.load();
    assert_ne!(cached.inode(), before);
}

#[test]
fn code_that_others_could_have_written_is_compiled_anew() {
    let cached = Cached::new();
    let code = cached.file("cwasm");
    fs::set_permissions(&code, fs::Permissions::from_mode(0o622)).unwrap();
    let before = cached.inode();
    cached.load();
    assert_ne!(cached.inode(), before);
    assert_eq!(mode(&code), 0o600);

    let elsewhere = cached.dir.path().join("elsewhere");
    fs::rename(&code, &elsewhere).unwrap();
    symlink(&elsewhere, &code).unwrap();
    cached.load();
    assert!(fs::symlink_metadata(&code).unwrap().is_file(), "the link was replaced");
}

#[test]
fn a_directory_that_others_can_enter_is_refused() {
    let cached = Cached::new();
    fs::set_permissions(cached.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let fault = cached.engine().unwrap_err();
    assert_eq!(fault.kind, Kind::Refused);
    assert!(fault.hint.unwrap().contains("chmod 700"));
    fs::remove_dir_all(cached.path()).unwrap();
    fs::write(cached.path(), b"").unwrap();
    assert!(cached.engine().is_err(), "a file is no directory");
}
