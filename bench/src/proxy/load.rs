//! Load by `wrk`, and what a tree of processes uses meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};

use super::{HOST, LOAD_CPU};

const SECONDS: &str = "-d3s";
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
pub(super) fn run(
    address: &str,
    path: &str,
    connections: u32,
    cookie: Option<&str>,
) -> Result<Load, String> {
    let script = std::env::temp_dir().join(format!("bench-{}.lua", std::process::id()));
    fs::write(&script, SCRIPT).map_err(|error| error.to_string())?;
    let mut wrk = Command::new("taskset");
    wrk.args(["-c", LOAD_CPU, "wrk", "-t1", SECONDS, "--timeout", "20s"]);
    wrk.arg(format!("-c{connections}")).arg("-s").arg(&script);
    wrk.args(["-H", &format!("Host: {HOST}")]);
    if let Some(cookie) = cookie {
        wrk.args(["-H", &format!("Cookie: {cookie}")]);
    }
    let output = wrk.arg(format!("http://{address}{path}")).output();
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
