//! A bundle with a program: proven, served, drained, and gone with everything else.

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::Connection;
use serde_json::json;

use crate::world::{World, root};

/// How often something is looked at before it counts as never happened.
const LOOKS: u32 = 2_000;

/// A program that serves HTTP/1.1, linked statically.
fn server() -> PathBuf {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("guests");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--locked", "--target", &target, "--manifest-path"])
        .arg(root().join("crates/workload/tests/guests/server/Cargo.toml"))
        .arg("--target-dir")
        .arg(&folder)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status();
    assert!(built.unwrap().success(), "is the target {target} installed?");
    folder.join(target).join("release/server")
}

/// A bundle of one program, staged as a deployment's next revision.
fn staged(world: &World, version: &str, program: &[u8], deployment: &str) -> String {
    let folder = world.folder.path().join(version);
    std::fs::create_dir_all(folder.join("bin")).unwrap();
    std::fs::write(folder.join("bin/api"), program).unwrap();
    let manifest = format!(
        "schema: greentic.bundle.v1\nbundle_id: hello\nversion: {version}\npacks:\n\
         - {{pack_id: api, kind: process, path: bin/api, process: {{listen: socket}}}}\n"
    );
    std::fs::write(folder.join("bundle.yaml"), manifest).unwrap();
    let file = world.file(&format!("{version}.gtbundle"));
    world.gtc.run(&["bundle", "build", folder.to_str().unwrap(), "--output", &file]).unwrap();
    let staged = world.op("revisions stage", &[&file, "--deployment", deployment]);
    staged["revision_id"].as_str().unwrap().to_owned()
}

fn deployment(world: &World) -> String {
    world.op("env init", &[]);
    let added = world.op("bundles add", &["hello", "--host", "hello.test", "--path", "/"]);
    added["deployment_id"].as_str().unwrap().to_owned()
}

fn is_gone(process: &Path) {
    for _ in 0..LOOKS {
        if !process.exists() {
            return;
        }
        // Something that takes its time and changes nothing.
        let _ = std::fs::read_dir("/proc").unwrap().count();
    }
    panic!("{} is still there", process.display());
}

fn process(address: &str) -> PathBuf {
    let answer = Connection::open(address).unwrap().get("hello.test", "/pid").unwrap();
    assert_eq!(answer.status, 200);
    Path::new("/proc").join(String::from_utf8(answer.body).unwrap())
}

/// The process that answers once the data plane has seen that the dial was moved.
fn other_than(first: &Path, address: &str) -> PathBuf {
    let mut answers = (0..LOOKS).map(|_| process(address));
    answers.find(|answers| answers != first).expect("the dial is obeyed")
}

#[test]
fn a_program_lives_as_long_as_its_revision() {
    let world = World::new();
    let id = deployment(&world);
    let program = std::fs::read(server()).unwrap();
    let r1 = staged(&world, "1.0.0", &program, &id);
    let warmed = world.op("revisions warm", &[&r1]);
    assert_eq!(warmed["lifecycle"], "ready");
    world.set(&id, &["r1=100"]);

    let serving = world.gtc.start(&[]).unwrap();
    let answer = Connection::open(&serving.address).unwrap().get("hello.test", "/").unwrap();
    assert_eq!((answer.status, &answer.revision, &*answer.body), (200, &r1, &b"hello\n"[..]));
    let first = process(&serving.address);

    let r2 = staged(&world, "2.0.0", &program, &id);
    world.op("revisions warm", &[&r2]);
    world.set(&id, &["r2=100"]);
    let second = other_than(&first, &serving.address);
    assert!(first.exists(), "a revision that could come back is kept ready");
    world.op("revisions drain", &["r1"]);
    is_gone(&first);

    // However it ends, and this is by SIGKILL.
    drop(serving);
    is_gone(&second);
}

#[test]
fn a_script_is_never_run() {
    let world = World::new();
    let id = deployment(&world);
    let witness = world.folder.path().join("ran");
    let script = format!("#!/bin/sh\ntouch '{}'\n", witness.display());
    let r1 = staged(&world, "1.0.0", script.as_bytes(), &id);
    let (code, said) = world.refused(&["op", "revisions", "warm", &r1], "");
    assert_eq!(code, 7);
    let gate = said["error"]["details"]["gate"].as_array().unwrap();
    let failed: Vec<_> = gate.iter().filter(|check| check["status"] == json!("fail")).collect();
    assert_eq!(failed.len(), 1, "{said}");
    assert_eq!(failed[0]["check"], "packs");
    let detail = failed[0]["detail"].as_str().unwrap();
    assert!(detail.contains("it is a script for `/bin/sh`"), "{detail}");
    assert!(!witness.exists());
}
