//! From the start of a process to the first answer of a component that was compiled before, beside
//! `wasmtime serve` with the same component compiled before; and the same with 1 000 components.

use std::fs;
use std::process::Command;
use std::time::Instant;

use harness::Folder;

use crate::Bench;
use crate::chart;
use crate::components::{self, Server, free_address, serve};
use crate::figures::{Report, Samples};

const ROUNDS: usize = 20;
/// Of the one that takes long.
const FEW_ROUNDS: usize = 5;
const MANY: u32 = 1_000;

/// What is started, again and again.
struct Row {
    name: &'static str,
    rounds: usize,
    address: String,
    command: Command,
    wall_ms: Samples,
    rss_mb: Samples,
}

pub(crate) fn run(bench: &Bench) -> Result<(), String> {
    let folder = Folder::new()?;
    let bytes = fs::read(components::hello(bench)).map_err(|error| error.to_string())?;
    println!("compiling {MANY} components, which takes minutes");
    let one =
        components::deployed(bench, &folder.path().join("one"), std::slice::from_ref(&bytes), "")?;
    let many: Vec<Vec<u8>> = (0..MANY).map(|i| numbered(&bytes, i)).collect();
    let many = components::deployed(bench, &folder.path().join("many"), &many, "")?;
    let compiled = folder.path().join("hello.cwasm");
    let made = Command::new(&bench.wasmtime)
        .args(["compile", "-o"])
        .arg(&compiled)
        .arg(components::hello(bench))
        .status();
    if !made.is_ok_and(|status| status.success()) {
        return Err("wasmtime compiled nothing".into());
    }
    let theirs =
        |address: &str| components::theirs(bench, address, &["--allow-precompiled"], &compiled);
    let mut rows = [
        Row::new("gtc", ROUNDS, |address| components::ours(&one, address))?,
        Row::new("wasmtime", ROUNDS, theirs)?,
        Row::new("gtc, 1 000 of them", FEW_ROUNDS, |address| components::ours(&many, address))?,
    ];
    for round in 0..ROUNDS {
        for row in rows.iter_mut().filter(|row| round < row.rounds) {
            row.measure()?;
        }
    }
    report(bench, &rows)
}

fn report(bench: &Bench, rows: &[Row]) -> Result<(), String> {
    let mut report = Report::new("wasm-start", &["first answer ms", "p95 ms", "RSS MB"]);
    for row in rows {
        let (median, p95) = (row.wall_ms.median(), row.wall_ms.quantile(0.95));
        report.row(row.name, vec![median, p95, row.rss_mb.median()]);
    }
    report.finish(bench)?;
    let bars: Vec<_> = rows.iter().map(|row| (row.name, row.wall_ms.median())).collect();
    let file = bench.results.join("wasm-start.svg");
    chart::write(&file, "wasm-start", "ms to the first answer", &bars)
}

impl Row {
    fn new(
        name: &'static str,
        rounds: usize,
        command: impl FnOnce(&str) -> Command,
    ) -> Result<Self, String> {
        let address = free_address()?;
        let command = command(&address);
        Ok(Self { name, rounds, address, command, wall_ms: Samples::new(), rss_mb: Samples::new() })
    }

    fn measure(&mut self) -> Result<(), String> {
        let begun = Instant::now();
        let server = serve(self.name, &self.address, &mut self.command)?;
        self.wall_ms.add(begun.elapsed().as_secs_f64() * 1e3);
        self.rss_mb.add(rss_mb(&server)?);
        Ok(())
    }
}

/// The component with a number in it that nobody reads: other bytes, the same code.
fn numbered(component: &[u8], number: u32) -> Vec<u8> {
    // A custom section: its id 0, its size, the length of its name, its name, and anything.
    let section = [&[6][..], b"number", &number.to_le_bytes()].concat();
    let size = u8::try_from(section.len()).unwrap_or(u8::MAX);
    [component, &[0, size], &section].concat()
}

fn rss_mb(server: &Server) -> Result<f64, String> {
    let file = format!("/proc/{}/status", server.child.id());
    let text = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb: Option<f64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kb.map(|kb| kb / 1e3).ok_or_else(|| format!("{file} has no VmRSS"))
}
