//! The benchmarks: builds what is measured as it is shipped, fetches what it is measured beside,
//! and runs `bench`.

use std::path::Path;

use crate::command::{self, text};
use crate::house::House;
use crate::image::TARGET;
use crate::needs;

const ALL: [&str; 7] = ["pick", "verbs", "shift", "wasm", "wasm-start", "bundle", "proxy"];
/// Those that measure the crates themselves, so that nobody waits for `gtc` to be built.
const WITHOUT_GTC: [&str; 2] = ["pick", "bundle"];

/// The peer of the WASM benchmark: the release whose engine is ours.
const WASMTIME: &str = "48.0.8";

/// Runs the benchmarks of these names; without any, all.
///
/// # Errors
/// When something cannot be built or measured.
pub(crate) fn run(house: &House, names: &[&str]) -> Result<(), String> {
    let names = if names.is_empty() { &ALL } else { names };
    if let Some(unknown) = names.iter().find(|name| !ALL.contains(name)) {
        return Err(format!("there is no benchmark `{unknown}`: choose from {}", ALL.join(", ")));
    }
    let example = house.root.join("examples/hello");
    let peers = house.target.join("peers");
    needs::install_for_bench(house)?;
    if names.iter().any(|name| !WITHOUT_GTC.contains(name)) {
        let build = ["cargo", "build", "--release", "--locked", "--target", TARGET];
        command::run(&house.root, &[&build[..], &["--package", "gtc"]].concat())?;
        command::run(&example, &["sh", "build.sh"])?;
    }
    if names.contains(&"proxy") {
        needs::install_proxies(house)?;
    }
    if names.contains(&"wasm") || names.contains(&"wasm-start") {
        install_wasmtime(house, &peers)?;
    }
    let paths = [
        house.target.join(TARGET).join("release/gtc"),
        peers.join("bin/wasmtime"),
        example,
        house.target.join("python/proxies"),
        house.root.join("bench/results"),
    ];
    let paths = paths.iter().map(|path| text(path)).collect::<Result<Vec<_>, _>>()?;
    let bench = ["cargo", "run", "--release", "--locked", "--quiet", "--package", "bench", "--"];
    let words: Vec<&str> = bench.into_iter().chain(paths).chain(names.iter().copied()).collect();
    command::run(&house.root, &words)
}

fn install_wasmtime(house: &House, peers: &Path) -> Result<(), String> {
    if peers.join("bin/wasmtime").exists() {
        return Ok(());
    }
    let at = ["--root", text(peers)?, "--version", WASMTIME, "--target-dir"];
    let build = house.target.join("peers/build");
    let install = ["cargo", "install", "--locked", "wasmtime-cli"];
    let words: Vec<&str> = install.into_iter().chain(at).chain([text(&build)?]).collect();
    command::run(&house.root, &words)
}
