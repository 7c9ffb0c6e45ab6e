//! Requests to one WASM component, beside `wasmtime serve` with the same component: servers on
//! one CPU, the load on another, rounds interleaved.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use harness::{Connection, Folder, Gtc};

use crate::Bench;
use crate::figures::{Report, Samples};

const ROUNDS: usize = 5;
const CONNECTIONS: &str = "-c32";
const SECONDS: &str = "-d4s";
const HOST: &str = "hello.localhost";
/// Ticks of `utime` and `stime` in `/proc/<pid>/stat`, per second (`getconf CLK_TCK` on Linux).
const TICKS: f64 = 100.0;

/// A server under load.
struct Server {
    name: &'static str,
    address: String,
    child: Child,
    rate: Samples,
    cpu_us: Samples,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn run(bench: &Bench) -> Result<(), String> {
    let folder = Folder::new()?;
    let mut servers = vec![ours(bench, folder.path())?];
    let component = bench.example.join("v1/packs/hello.wasm");
    let peers: [(&'static str, &[&str]); 3] = [
        ("wasmtime serve", &[]),
        (
            "wasmtime serve, tuned",
            &[
                "-Opooling-memory-keep-resident=4194304",
                "-Opooling-table-keep-resident=4194304",
                "-Opooling-async-stack-keep-resident=65536",
                "-Opooling-pagemap-scan=yes",
            ],
        ),
        ("wasmtime serve, instances reused", &["--max-instance-reuse-count=128"]),
    ];
    for (name, flags) in peers {
        servers.push(theirs(bench, &component, name, flags)?);
    }
    for _ in 0..ROUNDS {
        for server in &mut servers {
            measure(server)?;
        }
    }
    let mut report =
        Report::new("wasm", &["requests/s", "CPU us/request", "rate / ours", "CPU / ours"]);
    let (rate, cpu) = (servers[0].rate.median(), servers[0].cpu_us.median());
    for server in &servers {
        let (their_rate, their_cpu) = (server.rate.median(), server.cpu_us.median());
        report.row(server.name, vec![their_rate, their_cpu, their_rate / rate, their_cpu / cpu]);
    }
    report.finish(bench)
}

/// `gtc start` as an operator runs it: routing, sticky cookies, a fresh instance for each request.
fn ours(bench: &Bench, folder: &Path) -> Result<Server, String> {
    let gtc = Gtc::new(bench.gtc.clone(), folder);
    let file = folder.join("hello.gtbundle");
    let file = file.to_str().ok_or("the temporary folder is not UTF-8")?;
    let source = bench.example.join("v1");
    let source = source.to_str().ok_or("the checkout's path is not UTF-8")?;
    gtc.op("env init", &[])?;
    gtc.run(&["bundle", "build", source, "--output", file])?;
    gtc.op("bundles add", &["hello", "--host", HOST])?;
    gtc.op("revisions stage", &[file])?;
    gtc.op("revisions warm", &["r1"])?;
    gtc.op("traffic set", &["r1=100"])?;
    let address = free_address()?;
    let start = gtc.command(&["start", "--threads", "1", "--listen", &address, "--log", "error"]);
    serve("gtc start", address, &start)
}

fn theirs(
    bench: &Bench,
    component: &Path,
    name: &'static str,
    flags: &[&str],
) -> Result<Server, String> {
    let address = free_address()?;
    let mut serve_it = Command::new(&bench.wasmtime);
    serve_it.args(["serve", "-Scli,config", "--addr", &address]).args(flags).arg(component);
    serve(name, address, &serve_it)
}

fn free_address() -> Result<String, String> {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    free.map(|address| address.to_string()).map_err(|error| error.to_string())
}

/// Runs a server on CPU 0, and waits until it answers.
fn serve(name: &'static str, address: String, command: &Command) -> Result<Server, String> {
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", "0"]).arg(command.get_program()).args(command.get_args());
    pinned.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = pinned.spawn().map_err(|error| format!("{name}: {error}"))?;
    let mut server = Server { name, address, child, rate: Samples::new(), cpu_us: Samples::new() };
    loop {
        let answer = Connection::open(&server.address).and_then(|mut c| c.get(HOST, "/"));
        match answer {
            Ok(answer) if answer.status == 200 => return Ok(server),
            Ok(answer) => return Err(format!("{name} answered {}", answer.status)),
            Err(_) => {}
        }
        if let Ok(Some(ended)) = server.child.try_wait() {
            return Err(format!("{name}: {ended}"));
        }
        std::thread::yield_now();
    }
}

/// One round of load on CPU 1.
fn measure(server: &mut Server) -> Result<(), String> {
    let before = cpu_s(&server.child)?;
    let url = format!("http://{}/", server.address);
    let host = format!("Host: {HOST}");
    let words = ["-c", "1", "wrk", "-t1", CONNECTIONS, SECONDS, "-H", &host, &url];
    let output = Command::new("taskset").args(words).output();
    let output = output.map_err(|error| format!("wrk: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let requests = number(&text, "requests in").ok_or_else(|| format!("wrk said {text}"))?;
    let rate = text.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    let rate: Option<f64> = rate.and_then(|rate| rate.trim().parse().ok());
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(format!("{}: {text}", server.name));
    }
    server.rate.add(rate.ok_or_else(|| format!("wrk said {text}"))?);
    server.cpu_us.add((cpu_s(&server.child)? - before) * 1e6 / requests);
    Ok(())
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
