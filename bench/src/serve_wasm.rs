//! Requests to one WASM component, beside `wasmtime serve` with the same component: servers on
//! one CPU, the load on another, rounds interleaved. A fresh instance for each request is compared
//! with the same, and instances that serve 128 requests with such.

use std::fs;
use std::process::{Child, Command};

use harness::Folder;

use crate::Bench;
use crate::chart;
use crate::components::{self, HOST, Server, free_address, serve};
use crate::figures::{Report, Samples};

const ROUNDS: usize = 5;
const CONNECTIONS: &str = "-c32";
const SECONDS: &str = "-d4s";
/// Ticks of `utime` and `stime` in `/proc/<pid>/stat`, per second (`getconf CLK_TCK` on Linux).
const TICKS: f64 = 100.0;

/// How many requests an instance serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instances {
    Fresh,
    Reused,
}

/// A server under load.
struct Row {
    server: Server,
    instances: Instances,
    rate: Samples,
    cpu_us: Samples,
}

const TUNED: &[&str] = &[
    "-Opooling-memory-keep-resident=4194304",
    "-Opooling-table-keep-resident=4194304",
    "-Opooling-async-stack-keep-resident=65536",
    "-Opooling-pagemap-scan=yes",
];

pub(crate) fn run(bench: &Bench) -> Result<(), String> {
    let folder = Folder::new()?;
    let component = components::hello(bench);
    let bytes = fs::read(&component).map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    for (name, instances, more) in [
        ("gtc", Instances::Fresh, ""),
        ("gtc, reused", Instances::Reused, "reuse: {requests: 128}"),
    ] {
        let at = folder.path().join(format!("{instances:?}"));
        let gtc = components::deployed(bench, &at, std::slice::from_ref(&bytes), more)?;
        let address = free_address()?;
        let mut command = components::pinned(&components::ours(&gtc, &address));
        rows.push(Row::new(serve(name, &address, &mut command)?, instances));
    }
    for (name, instances, flags) in [
        ("wasmtime", Instances::Fresh, &[][..]),
        ("wasmtime, tuned", Instances::Fresh, TUNED),
        ("wasmtime, reused", Instances::Reused, &["--max-instance-reuse-count=128"]),
    ] {
        let address = free_address()?;
        let command = components::theirs(bench, &address, flags, &component);
        let mut command = components::pinned(&command);
        rows.push(Row::new(serve(name, &address, &mut command)?, instances));
    }
    for _ in 0..ROUNDS {
        for row in &mut rows {
            row.measure()?;
        }
    }
    report(bench, &rows)
}

fn report(bench: &Bench, rows: &[Row]) -> Result<(), String> {
    let mut report =
        Report::new("wasm", &["requests/s", "CPU us/request", "rate / ours", "CPU / ours"]);
    let mut bars = Vec::new();
    for row in rows {
        let ours = rows.iter().find(|ours| ours.instances == row.instances).unwrap_or(row);
        let (rate, cpu_us) = (row.rate.median(), row.cpu_us.median());
        let ratios = [rate / ours.rate.median(), cpu_us / ours.cpu_us.median()];
        report.row(row.server.name, vec![rate, cpu_us, ratios[0], ratios[1]]);
        bars.push((row.server.name, cpu_us));
    }
    report.finish(bench)?;
    chart::write(&bench.results.join("wasm.svg"), "wasm", "CPU µs for a request", &bars)
}

impl Row {
    fn new(server: Server, instances: Instances) -> Self {
        Self { server, instances, rate: Samples::new(), cpu_us: Samples::new() }
    }

    /// One round of load on CPU 1.
    fn measure(&mut self) -> Result<(), String> {
        let before = cpu_s(&self.server.child)?;
        let url = format!("http://{}/", self.server.address);
        let host = format!("Host: {HOST}");
        let words = ["-c", "1", "wrk", "-t1", CONNECTIONS, SECONDS, "-H", &host, &url];
        let output = Command::new("taskset").args(words).output();
        let output = output.map_err(|error| format!("wrk: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let requests = number(&text, "requests in").ok_or_else(|| format!("wrk said {text}"))?;
        let rate = text.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
        let rate: Option<f64> = rate.and_then(|rate| rate.trim().parse().ok());
        if text.contains("Non-2xx") || text.contains("Socket errors") {
            return Err(format!("{}: {text}", self.server.name));
        }
        self.rate.add(rate.ok_or_else(|| format!("wrk said {text}"))?);
        self.cpu_us.add((cpu_s(&self.server.child)? - before) * 1e6 / requests);
        Ok(())
    }
}

/// The number before `words`.
fn number(text: &str, words: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.contains(words))?;
    line.split_whitespace().next()?.parse().ok()
}

/// CPU seconds that a process has used, user and system (proc(5), fields 14 and 15 of `stat`).
fn cpu_s(child: &Child) -> Result<f64, String> {
    let file = format!("/proc/{}/stat", child.id());
    let text = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    let behind_name = text.rsplit(')').next().unwrap_or_default();
    let ticks =
        behind_name.split_whitespace().skip(11).take(2).filter_map(|f| f.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / TICKS)
}
