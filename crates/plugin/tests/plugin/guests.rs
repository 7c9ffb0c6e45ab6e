//! The components under test, built once per run.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use deploy_spec::Fault;
use plugin::{Host, Limits, Plugin};

/// What the actor's script stands in place of.
const MARK: &[u8] = b"@@ the script of the actor begins here @@";
/// How long a script may be.
const SCRIPT_BYTES: usize = 8192;

/// The env-pack that plays `script`.
pub(crate) fn actor(script: &str) -> Vec<u8> {
    static ACTOR: OnceLock<Vec<u8>> = OnceLock::new();
    let mut bytes = ACTOR.get_or_init(|| build("tests/guests/actor", "actor")).clone();
    assert!(script.len() <= SCRIPT_BYTES, "the script is too long");
    let at = bytes.windows(MARK.len()).position(|part| part == MARK).unwrap();
    bytes[at..at + MARK.len()].fill(b' ');
    bytes[at..at + script.len()].copy_from_slice(script.as_bytes());
    bytes
}

/// The env-pack of the examples.
pub(crate) fn example() -> Vec<u8> {
    build("../../examples/env-pack", "example_deployer")
}

/// The actor, opened within `limits`.
pub(crate) fn opened(script: &str, limits: Limits) -> Result<Plugin, Fault> {
    Host::new(limits).unwrap().open("actor", &actor(script))
}

fn build(crate_dir: &str, name: &str) -> Vec<u8> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join(crate_dir).join("Cargo.toml");
    // Beside what cargo builds for the host, so that the two do not wait for each other.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("guests");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--locked", "--target", "wasm32-wasip2"])
        .arg("--manifest-path")
        .arg(&manifest)
        .arg("--target-dir")
        .arg(&target)
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status();
    assert!(built.unwrap().success(), "{name} was not built; is wasm32-wasip2 installed?");
    std::fs::read(target.join(format!("wasm32-wasip2/release/{name}.wasm"))).unwrap()
}

#[test]
fn guests_are_small() {
    assert!(actor("").len() < 250_000, "{}", actor("").len());
    assert!(example().len() < 150_000, "{}", example().len());
}
