//! Load by `wrk`, and what a tree of processes uses meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};

use super::{Case, Doors, HOST, LOAD_CPU, Way};
use crate::figures::Samples;

/// How long a round takes.
const SECONDS: u32 = 3;
/// Ticks of `utime` and `stime` in `/proc/<pid>/stat`, per second (`getconf CLK_TCK` on Linux).
const TICKS: f64 = 100.0;
/// Has `wrk` say what it knows, in milliseconds and in seconds.
const SCRIPT: &str = "done = function(summary, latency)
  io.write(string.format('figures %d %f %f %f %f %d\\n', summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3,
    summary.errors.connect + summary.errors.read + summary.errors.write
      + summary.errors.status + summary.errors.timeout))
end
";

/// What a round of load saw.
pub(super) struct Load {
    pub(super) requests: f64,
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
}

/// What a process and its children have used.
pub(super) struct Used {
    pub(super) cpu_s: f64,
    pub(super) rss_mb: f64,
}

pub(super) fn free_address() -> Result<String, String> {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    free.map(|address| address.to_string()).map_err(|error| error.to_string())
}

/// Runs a command on one CPU.
pub(super) fn run_pinned(cpu: &str, command: &Command) -> Result<Child, String> {
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", cpu]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        value.map(|value| pinned.env(name, value));
    }
    pinned.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    pinned.spawn().map_err(|error| format!("{:?}: {error}", command.get_program()))
}

/// One round. A request that is lost or refused is an error.
pub(super) fn run(at: &Doors, case: &Case, cookie: Option<&str>) -> Result<Load, String> {
    let cookie = cookie.map(|cookie| format!("Cookie: {cookie}"));
    let Case { path, connections, .. } = case;
    match case.way {
        Way::Clear => wrk(&format!("http://{}{path}", at.clear), *connections, cookie.as_deref()),
        Way::Tls => wrk(&format!("https://{}{path}", at.tls), *connections, cookie.as_deref()),
        Way::Http2 { streams } => h2load(&at.tls, path, (*connections, streams), cookie.as_deref()),
    }
}

/// HTTP/1.1.
fn wrk(url: &str, connections: u32, cookie: Option<&str>) -> Result<Load, String> {
    let script = std::env::temp_dir().join(format!("bench-{}.lua", std::process::id()));
    fs::write(&script, SCRIPT).map_err(|error| error.to_string())?;
    let mut wrk = Command::new("taskset");
    wrk.args(["-c", LOAD_CPU, "wrk", "-t1", &format!("-d{SECONDS}s"), "--timeout", "20s"]);
    wrk.arg(format!("-c{connections}")).arg("-s").arg(&script);
    wrk.args(["-H", &format!("Host: {HOST}")]);
    cookie.map(|cookie| wrk.args(["-H", cookie]));
    let output = wrk.arg(url).output();
    let _ = fs::remove_file(&script);
    let output = output.map_err(|error| format!("wrk: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let figures = text.lines().find_map(|line| line.strip_prefix("figures "));
    let figures: Vec<f64> =
        figures.unwrap_or_default().split(' ').filter_map(|word| word.parse().ok()).collect();
    match figures[..] {
        [requests, seconds, p50_ms, p99_ms, p999_ms, 0.0] if requests > 0.0 => {
            Ok(Load { requests, per_second: requests / seconds, p50_ms, p99_ms, p999_ms })
        }
        _ => Err(format!("wrk said {text}")),
    }
}

/// HTTP/2: so many connections, and requests at a time in each.
fn h2load(
    address: &str,
    path: &str,
    (connections, streams): (u32, u32),
    cookie: Option<&str>,
) -> Result<Load, String> {
    let log = std::env::temp_dir().join(format!("bench-{}.tsv", std::process::id()));
    let mut h2load = Command::new("taskset");
    h2load.args(["-c", LOAD_CPU, "h2load", "-t1", "-D", &SECONDS.to_string()]);
    h2load.arg(format!("-c{connections}")).arg(format!("-m{streams}"));
    h2load.arg(format!("--connect-to={address}")).arg("--log-file").arg(&log);
    cookie.map(|cookie| h2load.args(["-H", cookie]));
    let output = h2load.arg(format!("https://{HOST}{path}")).output();
    let lines = fs::read_to_string(&log).unwrap_or_default();
    let _ = fs::remove_file(&log);
    let output = output.map_err(|error| format!("h2load: {error}"))?;
    let mut times = Samples::new();
    for line in lines.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            [_, "200", micros, ..] => times.add(micros.parse().unwrap_or(f64::NAN) / 1e3),
            _ => return Err(format!("h2load saw {line}")),
        }
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let whole = said.contains(" 0 failed, 0 errored, 0 timeout");
    let spoken = said.contains("Application protocol: h2\n");
    if times.count() == 0.0 || !whole || !spoken {
        return Err(format!("h2load said {said}"));
    }
    Ok(Load {
        requests: times.count(),
        per_second: times.count() / f64::from(SECONDS),
        p50_ms: times.quantile(0.5),
        p99_ms: times.quantile(0.99),
        p999_ms: times.quantile(0.999),
    })
}

/// What a process and all below it have used so far (proc(5): `stat`, `statm`).
pub(super) fn used(root: u32) -> Result<Used, String> {
    let processes = processes()?;
    let mut tree = vec![root];
    let mut used = Used { cpu_s: 0.0, rss_mb: 0.0 };
    while let Some(pid) = tree.pop() {
        let Some((_, ticks, pages)) = processes.get(&pid) else { continue };
        used.cpu_s += ticks / TICKS;
        used.rss_mb += pages * 4096.0 / 1e6;
        tree.extend(processes.iter().filter(|(_, it)| it.0 == pid).map(|(child, _)| *child));
    }
    Ok(used)
}

/// The parent of each process, its ticks, and its pages in memory.
fn processes() -> Result<BTreeMap<u32, (u32, f64, f64)>, String> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir("/proc").map_err(|error| format!("/proc: {error}"))?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that has ended meanwhile uses nothing.
        let Ok(text) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let behind_name = text.rsplit(')').next().unwrap_or_default();
        let fields: Vec<f64> =
            behind_name.split_whitespace().skip(1).map(|it| it.parse().unwrap_or(0.0)).collect();
        if let (Some(parent), Some([user, system]), Some(pages)) =
            (fields.first(), fields.get(10..12), fields.get(20))
        {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a process id"
            )]
            all.insert(pid, (*parent as u32, user + system, *pages));
        }
    }
    Ok(all)
}
