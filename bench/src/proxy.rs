//! Requests through a proxy, beside the proxies that people run today: the same split of 99 to 1 to
//! the same servers, every proxy on CPU 0, load and servers on CPU 1, rounds interleaved.
//!
//! Ours checks a session cookie and counts for each revision, which the others are not asked to.

mod load;
mod peers;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use harness::{Authority, Connection, Folder, Gtc, Issued};

use crate::Bench;
use crate::chart;
use crate::figures::{Report, Samples};
use load::{Load, Used, free_address, run_pinned};

const ROUNDS: usize = 5;
const HOST: &str = "shop.localhost";
/// The CPU of every proxy, and that of load and servers.
const PROXY_CPU: &str = "0";
const LOAD_CPU: &str = "1";

/// What is asked for, and how.
struct Case {
    name: &'static str,
    path: &'static str,
    connections: u32,
    way: Way,
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// HTTP/1.1 in the clear, over connections that are kept.
    Clear,
    /// The same over TLS.
    Tls,
    /// HTTP/2 over TLS, so many requests at a time in each connection.
    Http2 { streams: u32 },
}

const CASES: [Case; 6] = [
    Case { name: "proxy-small", path: "/small", connections: 64, way: Way::Clear },
    Case { name: "proxy-10k", path: "/10k", connections: 64, way: Way::Clear },
    Case { name: "proxy-1m", path: "/1m", connections: 16, way: Way::Clear },
    Case { name: "proxy-1000", path: "/small", connections: 1_000, way: Way::Clear },
    Case { name: "proxy-tls", path: "/small", connections: 64, way: Way::Tls },
    Case { name: "proxy-h2", path: "/small", connections: 8, way: Way::Http2 { streams: 8 } },
];

const COLUMNS: [&str; 7] =
    ["CPU us/request", "ours / its CPU", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "RSS MB"];

/// A proxy that runs.
pub(crate) struct Proxy {
    name: &'static str,
    at: Doors,
    child: Child,
    /// What each request says besides.
    cookie: Option<String>,
}

/// Where a proxy is reached.
struct Doors {
    clear: String,
    tls: String,
    /// Whose name is [`HOST`].
    shown: Issued,
}

impl Doors {
    fn new(shown: &Issued) -> Result<Self, String> {
        Ok(Self { clear: free_address()?, tls: free_address()?, shown: shown.clone() })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The samples of one proxy in one case, in the order of the columns but for the ratio.
struct Row {
    cpu_us: Samples,
    rest: [Samples; 5],
}

pub(crate) fn run(bench: &Bench) -> Result<(), String> {
    let folder = Folder::new()?;
    let backends = peers::backends(folder.path())?;
    let authority = Authority::new();
    let shown = authority.issue(&format!("DNS:{HOST}"));
    let mut proxies = vec![ours(bench, folder.path(), Doors::new(&shown)?, &backends.addresses)?];
    proxies.extend(peers::all(bench, folder.path(), &shown, &backends.addresses)?);
    for case in &CASES {
        let belongs = |proxy: &&Proxy| proxy.name != peers::SPLICING || case.path == "/1m";
        let proxies: Vec<&Proxy> = proxies.iter().filter(belongs).collect();
        let mut rows: Vec<Row> = proxies.iter().map(|_| Row::new()).collect();
        for _ in 0..ROUNDS {
            for (proxy, row) in proxies.iter().zip(&mut rows) {
                row.add(&measure(proxy, case)?);
            }
        }
        report(bench, case.name, &proxies, &rows)?;
    }
    Ok(())
}

impl Row {
    fn new() -> Self {
        Self { cpu_us: Samples::new(), rest: std::array::from_fn(|_| Samples::new()) }
    }

    fn add(&mut self, (load, used): &(Load, Used)) {
        self.cpu_us.add(used.cpu_s * 1e6 / load.requests);
        let rest = [load.per_second, load.p50_ms, load.p99_ms, load.p999_ms, used.rss_mb];
        self.rest.iter_mut().zip(rest).for_each(|(samples, sample)| samples.add(sample));
    }
}

fn report(
    bench: &Bench,
    name: &'static str,
    proxies: &[&Proxy],
    rows: &[Row],
) -> Result<(), String> {
    let mut report = Report::new(name, &COLUMNS);
    let ours = rows[0].cpu_us.median();
    let mut bars = Vec::new();
    for (proxy, row) in proxies.iter().zip(rows) {
        let cpu_us = row.cpu_us.median();
        let mut figures = vec![cpu_us, ours / cpu_us];
        figures.extend(row.rest.iter().map(Samples::median));
        report.row(proxy.name, figures);
        bars.push((proxy.name, cpu_us));
    }
    report.finish(bench)?;
    chart::write(&bench.results.join(format!("{name}.svg")), name, "CPU µs for a request", &bars)
}

fn measure(proxy: &Proxy, case: &Case) -> Result<(Load, Used), String> {
    let before = load::used(proxy.child.id())?;
    let load = load::run(&proxy.at, case, proxy.cookie.as_deref())
        .map_err(|why| format!("{}: {why}", proxy.name))?;
    let after = load::used(proxy.child.id())?;
    let used = Used { cpu_s: after.cpu_s - before.cpu_s, rss_mb: after.rss_mb };
    Ok((load, used))
}

/// `gtc start` as an operator runs it: two revisions, each an upstream.
fn ours(bench: &Bench, folder: &Path, at: Doors, backends: &[String; 2]) -> Result<Proxy, String> {
    let gtc = Gtc::new(bench.gtc.clone(), folder);
    gtc.op("env init", &[])?;
    gtc.op("bundles add", &["shop", "--host", HOST])?;
    for (version, backend) in ["1.0.0", "2.0.0"].iter().zip(backends) {
        let source = folder.join(version);
        let manifest = format!(
            "schema: greentic.bundle.v1\nbundle_id: shop\nversion: {version}\npacks:\n\
             - {{pack_id: web, kind: upstream, url: 'http://{backend}'}}\n\
             health: {{readiness_path: /small}}\n"
        );
        std::fs::create_dir_all(&source)
            .and_then(|()| std::fs::write(source.join("bundle.yaml"), manifest))
            .map_err(|error| error.to_string())?;
        let file = folder.join(format!("{version}.gtbundle"));
        let [source, file] = [&source, &file].map(|path| path.display().to_string());
        gtc.run(&["bundle", "build", &source, "--output", &file])?;
        let staged = gtc.op("revisions stage", &[&file])?;
        gtc.op("revisions warm", &[staged["revision_id"].as_str().unwrap_or_default()])?;
    }
    gtc.op("traffic set", &["r1=99", "r2=1"])?;
    let Doors { clear, tls, shown } = &at;
    let mut start = gtc.command(&["start", "--threads", "1", "--log", "error"]);
    start.args(["--listen", clear, "--tls-listen", tls]);
    start.arg("--tls-cert").arg(&shown.certificate).arg("--tls-key").arg(&shown.key);
    let mut proxy = started("gtc start", at, run_pinned(PROXY_CPU, &start)?)?;
    let answer = Connection::open(&proxy.at.clear)?.get(HOST, "/small")?;
    proxy.cookie = Some(answer.cookie.ok_or("gtc start gave no cookie")?);
    Ok(proxy)
}

/// Waits until a proxy passes on what a server says.
fn started(name: &'static str, at: Doors, child: Child) -> Result<Proxy, String> {
    let mut proxy = Proxy { name, at, child, cookie: None };
    let begun = std::time::Instant::now();
    loop {
        if is_answering(&proxy.at.clear) {
            return Ok(proxy);
        }
        if let Ok(Some(ended)) = proxy.child.try_wait() {
            return Err(format!("{name}: {ended}"));
        }
        if begun.elapsed().as_secs() > 30 {
            return Err(format!("{name} does not answer"));
        }
        std::thread::yield_now();
    }
}

fn is_answering(address: &str) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(stream, "GET /small HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}
