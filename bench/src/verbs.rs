//! What a verb costs as a whole process, as the environment grows: it should not.

use std::process::{Command, Stdio};
use std::time::Instant;

use harness::{Folder, Gtc};

use crate::Bench;
use crate::figures::{Report, Samples};
use crate::world::{Maker, REVISIONS};

const SIZES: [usize; 4] = [1, 10, 100, 1_000];
const ROUNDS: usize = 21;

/// Wall time of whole processes in milliseconds, from start to exit.
pub(crate) fn run(bench: &Bench) -> Result<(), String> {
    let verbs: [&[&str]; 4] = [
        &["op", "traffic", "set", "local", "--deployment", "b0"],
        &["op", "traffic", "show", "local", "--deployment", "b0"],
        &["op", "env", "show", "local", "--limit", "1"],
        &["op", "env", "show", "local"],
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
                if words[2] == "set" {
                    command.args(turn(round));
                }
                sample.add(timed(&mut command)?);
            }
        }
    }
    let mut report = Report::new("verbs", &["1 ms", "10 ms", "100 ms", "1000 ms", "1000 / 1"]);
    for (row, words) in samples.iter().zip(verbs) {
        let mut figures: Vec<f64> = row.iter().map(Samples::median).collect();
        figures.push(figures[SIZES.len() - 1] / figures[0]);
        report.row(words[1..].join(" "), figures);
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
