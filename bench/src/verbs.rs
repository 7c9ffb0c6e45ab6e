//! What a verb costs as a whole process, as the environment grows: it should not.

use std::process::{Command, Stdio};
use std::time::Instant;

use harness::{Folder, Gtc};

use crate::Bench;
use crate::figures::{Report, Samples};
use crate::world::{Maker, REVISIONS};

const SIZES: [usize; 3] = [10, 100, 2_000];
const ROUNDS: usize = 21;

/// Wall time of whole processes in milliseconds, from start to exit.
pub(crate) fn run(bench: &Bench) -> Result<(), String> {
    let verbs: [&[&str]; 13] = [
        &["op", "traffic", "set", "local", "--deployment", "b0"],
        &["op", "traffic", "show", "local", "--deployment", "b0"],
        &["op", "traffic", "history", "local", "--deployment", "b0"],
        &["op", "env", "show", "local"],
        &["op", "env", "list"],
        &["op", "bundles", "list"],
        &["op", "bundles", "show", "local", "b0"],
        &["op", "revisions", "list"],
        &["op", "revisions", "show", "local", "b0/r1"],
        &["op", "config", "set", "local"],
        &["op", "secrets", "list"],
        &["op", "audit", "list"],
        &["status"],
    ];
    let mut worlds = Vec::new();
    for deployments in SIZES {
        println!("making {deployments} deployments × {REVISIONS} revisions");
        let folder = Folder::new()?;
        let gtc = Gtc::new(bench.gtc.clone(), folder.path());
        Maker::new().store(gtc.store_root(), deployments)?;
        worlds.push((folder, gtc));
    }
    let mut samples: Vec<Vec<Samples>> =
        verbs.iter().map(|_| SIZES.iter().map(|_| Samples::new()).collect()).collect();
    let mut floor = Samples::new();
    for round in 0..ROUNDS {
        floor.add(timed(&mut Command::new("true"))?);
        for (row, words) in samples.iter_mut().zip(verbs) {
            for (sample, (_, gtc)) in row.iter_mut().zip(&worlds) {
                let mut command = gtc.command(words);
                match words {
                    [_, "traffic", "set", ..] => _ = command.args(turn(round)),
                    [_, "config", "set", ..] => _ = command.arg(format!("round={round}")),
                    _ => {}
                }
                sample.add(timed(&mut command)?);
            }
        }
    }
    let mut report = Report::new("verbs", &["10 ms", "100 ms", "2000 ms", "2000 / 10"]);
    for (row, words) in samples.iter().zip(verbs) {
        let mut figures: Vec<f64> = row.iter().map(Samples::median).collect();
        figures.push(figures[SIZES.len() - 1] / figures[0]);
        report.row(words.join(" "), figures);
    }
    report.row("true (the floor)", vec![floor.median(); SIZES.len()]);
    report.finish(bench)
}

/// Shares that differ from round to round, so that there is something to commit.
fn turn(round: usize) -> [String; 2] {
    let canary = 1 + round % 2;
    [format!("r{}={}", REVISIONS - 1, 100 - canary), format!("r{REVISIONS}={canary}")]
}

fn timed(command: &mut Command) -> Result<f64, String> {
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    let took = begun.elapsed().as_secs_f64() * 1e3;
    let status = status.map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(took) } else { Err(format!("{command:?}: {status}")) }
}
