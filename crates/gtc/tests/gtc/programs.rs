//! A bundle with a program: proven, served, drained, and gone with everything else.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Connection, looks};
use serde_json::json;

use crate::world::{World, root};

/// A program that serves HTTP/1.1, linked statically.
pub(crate) fn server() -> PathBuf {
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
    staged_with(world, version, program, deployment, "")
}

/// The same, with more settings of the program.
fn staged_with(
    world: &World,
    version: &str,
    program: &[u8],
    deployment: &str,
    more: &str,
) -> String {
    let folder = folder(world, version, program, more);
    let file = world.file(&format!("{version}.gtbundle"));
    world.gtc.run(&["bundle", "build", folder.to_str().unwrap(), "--output", &file]).unwrap();
    let staged = world.op("revisions stage", &[&file, "--deployment", deployment]);
    staged["revision_id"].as_str().unwrap().to_owned()
}

/// What a bundle of one program is built from.
fn folder(world: &World, version: &str, program: &[u8], more: &str) -> PathBuf {
    let folder = world.folder.path().join(version);
    std::fs::create_dir_all(folder.join("bin")).unwrap();
    std::fs::write(folder.join("bin/api"), program).unwrap();
    let manifest = format!(
        "schema: greentic.bundle.v1\nbundle_id: hello\nversion: {version}\npacks:\n\
         - {{pack_id: api, kind: process, path: bin/api, process: {{listen: socket{more}}}}}\n"
    );
    std::fs::write(folder.join("bundle.yaml"), manifest).unwrap();
    folder
}

fn deployment(world: &World) -> String {
    world.op("env init", &[]);
    let added = world.op("bundles add", &["hello", "--host", "hello.test", "--path", "/"]);
    added["deployment_id"].as_str().unwrap().to_owned()
}

fn is_gone(process: &Path) {
    for () in looks() {
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
    let mut answers = looks().map(|()| process(address));
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

/// A named pipe that any program may open.
fn pipe(world: &World) -> PathBuf {
    let pipe = world.folder.path().join("pipe");
    assert!(Command::new("mkfifo").args(["-m", "666"]).arg(&pipe).status().unwrap().success());
    let open = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(world.folder.path(), open).unwrap();
    pipe
}

/// Waits until somebody reads from the pipe, and lets them go on.
fn let_go(pipe: &Path) {
    drop(std::fs::File::options().write(true).open(pipe).unwrap());
}

#[test]
fn a_program_that_is_not_ready_holds_up_nobody() {
    let world = World::new();
    let id = deployment(&world);
    let pipe = pipe(&world);
    let program = std::fs::read(server()).unwrap();
    let r1 = staged(&world, "1.0.0", &program, &id);
    world.op("revisions warm", &[&r1]);
    world.set(&id, &["r1=100"]);
    let args = format!(", args: [wait-for, '{}']", pipe.display());
    let r2 = staged_with(&world, "2.0.0", &program, &id, &args);
    std::thread::scope(|scope| {
        // Nothing serves yet, so what the gate has started ends with it.
        scope.spawn(|| world.op("revisions warm", &[&r2]));
        let_go(&pipe);
    });
    let other = world.op("bundles add", &["hello", "--host", "other.test", "--path", "/"]);
    let other = other["deployment_id"].as_str().unwrap();
    let r3 = staged(&world, "3.0.0", &program, other);
    world.op("revisions warm", &[&r3]);

    let serving = world.gtc.start(&[]).unwrap();
    let get = |host| Connection::open(&serving.address).unwrap().get(host, "/").unwrap();
    world.set(&id, &["r2=100"]);
    world.set(other, &["r1=100"]);
    let mut answers = looks().map(|()| get("other.test"));
    assert!(answers.any(|answer| answer.revision == r3), "the other deployment was held up");
    assert_eq!(get("hello.test").revision, r1, "the last good state goes on");

    // Said again while it waits, so that there are two changes and the last one counts.
    world.set(&id, &["r2=99", "r1=1"]);
    let_go(&pipe);
    let mut answers = looks().map(|()| get("hello.test"));
    assert!(answers.any(|answer| answer.revision == r2), "the dial is obeyed at last");
}

#[test]
fn a_script_is_never_run() {
    let world = World::new();
    let id = deployment(&world);
    let witness = world.folder.path().join("ran");
    let script = format!("#!/bin/sh\ntouch '{}'\n", witness.display());
    let folder = folder(&world, "1.0.0", script.as_bytes(), "");
    let file = world.file("script.gtbundle");
    let build = ["bundle", "build", folder.to_str().unwrap(), "--output", &file];
    let (code, said) = world.refused(&build, "");
    assert_eq!(code, 2);
    assert_eq!(said["error"]["details"]["pointer"], "/packs/0/path");
    let message = said["error"]["message"].as_str().unwrap();
    assert!(message.contains("it is a script for `/bin/sh`"), "{message}");

    // Whoever packs it with something else gets no further.
    let packed = Command::new("mksquashfs").arg(&folder).arg(&file).arg("-quiet").output();
    assert!(packed.unwrap().status.success());
    let r1 = world.op("revisions stage", &[&file, "--deployment", &id])["revision_id"].clone();
    let r1 = r1.as_str().unwrap();
    let (code, said) = world.refused(&["op", "revisions", "warm", r1], "");
    assert_eq!(code, 7);
    let gate = said["error"]["details"]["gate"].as_array().unwrap();
    let failed: Vec<_> = gate.iter().filter(|check| check["status"] == json!("fail")).collect();
    assert_eq!(failed.len(), 1, "{said}");
    assert_eq!(failed[0]["check"], "packs");
    let detail = failed[0]["detail"].as_str().unwrap();
    assert!(detail.contains("it is a script for `/bin/sh`"), "{detail}");
    assert!(!witness.exists());
}
