//! What it costs, beside what others cost, in the same run.
//!
//! `cargo xtask bench` builds what is measured and calls this. Rounds of what is compared are
//! interleaved, since the machines that run this are shared; medians are shown, and ratios are
//! what counts. Every result is also written as JSON, one file for each benchmark.

mod bundles;
mod chart;
mod components;
mod figures;
mod measured;
mod pick;
mod proxy;
mod serve_wasm;
mod shift;
mod tree;
mod verbs;
mod wasm_start;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

/// What is measured with, and where results go.
struct Bench {
    /// The `gtc` that is measured, as it is shipped.
    gtc: PathBuf,
    /// The `wasmtime` beside it.
    wasmtime: PathBuf,
    /// The example, built.
    example: PathBuf,
    /// The folder with the proxies beside it that are no Debian packages.
    proxies: PathBuf,
    /// Where results are written.
    results: PathBuf,
}

const USAGE: &str =
    "bench GTC WASMTIME EXAMPLE PROXIES RESULTS pick|verbs|shift|wasm|wasm-start|bundle|proxy …";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some((bundles::WORK, rest)) = words.split_first().map(|(w, rest)| (w.as_str(), rest)) {
        return bundles::work(rest);
    }
    let [gtc, wasmtime, example, proxies, results, names @ ..] = words.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let bench = Bench {
        gtc: gtc.into(),
        wasmtime: wasmtime.into(),
        example: example.into(),
        proxies: proxies.into(),
        results: results.into(),
    };
    for name in names {
        let done = match name.as_str() {
            "pick" => pick::run(&bench),
            "verbs" => verbs::run(&bench),
            "shift" => shift::run(&bench),
            "wasm" => serve_wasm::run(&bench),
            "wasm-start" => wasm_start::run(&bench),
            "bundle" => bundles::run(&bench),
            "proxy" => proxy::run(&bench),
            _ => Err(USAGE.into()),
        };
        if let Err(why) = done {
            eprintln!("{name}: {why}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
