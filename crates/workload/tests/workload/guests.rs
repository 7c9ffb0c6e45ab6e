//! The guests under test, built once per run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The component that a newcomer deploys, as version 1.0.0.
pub(crate) fn hello() -> &'static [u8] {
    static HELLO: OnceLock<Vec<u8>> = OnceLock::new();
    HELLO.get_or_init(|| build("../../examples/hello/component", "hello"))
}

/// The component that misbehaves on request.
pub(crate) fn naughty() -> &'static [u8] {
    static NAUGHTY: OnceLock<Vec<u8>> = OnceLock::new();
    NAUGHTY.get_or_init(|| build("tests/guests/naughty", "naughty"))
}

/// The program that serves HTTP/1.1, linked statically.
pub(crate) fn server() -> &'static [u8] {
    static SERVER: OnceLock<Vec<u8>> = OnceLock::new();
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    SERVER.get_or_init(|| build_for(&target, "tests/guests/server", "server"))
}

fn build(crate_dir: &str, name: &str) -> Vec<u8> {
    build_for("wasm32-wasip2", crate_dir, &format!("{name}.wasm"))
}

fn build_for(triple: &str, crate_dir: &str, name: &str) -> Vec<u8> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join(crate_dir).join("Cargo.toml");
    let target = target_dir();
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--locked", "--target", triple])
        .arg("--manifest-path")
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&target)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .unwrap();
    assert!(built.success(), "{name} was not built; is the target {triple} installed?");
    std::fs::read(target.join(format!("{triple}/release/{name}"))).unwrap()
}

/// Beside what cargo builds for the host, so that the two do not wait for each other.
fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("guests")
}

#[test]
fn guests_are_small() {
    assert!(hello().len() < 200_000, "{}", hello().len());
    assert!(naughty().len() < 250_000, "{}", naughty().len());
}
