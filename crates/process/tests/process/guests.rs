//! The program under test, linked statically; built once per run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use process::Program;

/// The program that does what it is told.
pub(crate) fn rogue() -> Program {
    static ROGUE: OnceLock<Program> = OnceLock::new();
    ROGUE.get_or_init(|| Program::new(&std::fs::read(build()).unwrap()).unwrap()).clone()
}

pub(crate) fn build() -> PathBuf {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guests/rogue/Cargo.toml");
    // Beside what cargo builds for the host, so that the two do not wait for each other.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("guests");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--locked", "--target", &target])
        .arg("--manifest-path")
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&folder)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .unwrap();
    assert!(built.success(), "rogue was not built; is the target {target} installed?");
    folder.join(target).join("release/rogue")
}
