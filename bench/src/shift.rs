//! How soon a shift is obeyed: requests flow all the time on one connection, each a new session.

use harness::{Folder, Gtc, Prober};

use crate::Bench;
use crate::figures::{Report, Samples};

const SHIFTS: u32 = 100;
const HOST: &str = "hello.localhost";

/// Milliseconds between `traffic set` returning and the requests that obey. A negative first
/// means that the data plane was faster than the command's own exit.
pub(crate) fn run(bench: &Bench) -> Result<(), String> {
    let folder = Folder::new()?;
    let gtc = Gtc::new(bench.gtc.clone(), folder.path());
    gtc.op("env init", &[])?;
    gtc.op("bundles add", &["hello", "--host", HOST])?;
    for version in ["v1", "v2"] {
        let file = folder.path().join(format!("{version}.gtbundle"));
        let file = file.to_str().ok_or("the temporary folder is not UTF-8")?;
        let source = bench.example.join(version);
        let source = source.to_str().ok_or("the checkout's path is not UTF-8")?;
        gtc.run(&["bundle", "build", source, "--output", file])?;
        gtc.op("revisions stage", &[file])?;
    }
    gtc.op("revisions warm", &["r1"])?;
    gtc.op("revisions warm", &["r2"])?;
    gtc.op("traffic set", &["r1=100"])?;
    let serving = gtc.start(&[])?;
    let prober = Prober::start(&serving.address, HOST, "/")?;
    let (mut first, mut last) = (Samples::new(), Samples::new());
    for i in 1..=SHIFTS {
        let shares = [format!("r1={}", i % 100), format!("r2={}", 100 - i % 100)];
        let set = gtc.op("traffic set", &[&shares[0], &shares[1]])?;
        let generation = set["generation"].as_u64().ok_or("a split without a generation")?;
        let obeyed = prober.obeys(generation)?;
        first.add(obeyed.first_ms);
        last.add(obeyed.last_old_ms);
    }
    let (answered, failed) = prober.stop()?;
    serving.stop()?;
    let mut report = Report::new("shift", &["median ms", "p99 ms"]);
    report.row("first request that obeys", vec![first.median(), first.quantile(0.99)]);
    report.row("last request that does not", vec![last.median(), last.quantile(0.99)]);
    report.finish(bench)?;
    println!("{SHIFTS} shifts, {answered} requests, {failed} failed");
    if failed == 0 { Ok(()) } else { Err(format!("{failed} requests failed")) }
}
