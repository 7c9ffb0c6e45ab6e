//! Everything that must hold before a change lands, in the order in which a mistake is cheapest.

use std::time::{Duration, Instant};

use crate::house::House;
use crate::{command, demo, fmt, idle, image, needs, tidy};

/// How much is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Full,
    /// What a developer asks for again and again; the rest is named, never dropped in silence.
    Quick,
}

/// One thing that must hold.
struct Step {
    name: &'static str,
    /// What to type to repeat it alone.
    again: &'static str,
    /// Whether `--quick` does it too.
    quick: bool,
    work: Work,
}

enum Work {
    /// A chore of ours.
    Ours(fn(&House) -> Result<(), String>),
    /// What `again` says.
    Typed,
    /// What `again` says, where the cargo plug-in is installed.
    PlugIn(&'static str),
    /// The plug-in's command where it is installed, otherwise this one of plain cargo.
    PlugInOr(&'static str, &'static str),
}

const STEPS: &[Step] = &[
    Step {
        name: "needs",
        again: "cargo xtask test",
        quick: true,
        work: Work::Ours(needs::install),
    },
    Step {
        name: "format",
        again: "cargo xtask fmt --check",
        quick: true,
        work: Work::Ours(|house| fmt::run(house, fmt::Mode::Check)),
    },
    Step { name: "tidy", again: "cargo xtask tidy", quick: true, work: Work::Ours(tidy::run) },
    Step {
        name: "clippy",
        again: "cargo clippy --locked --workspace --all-targets -- -D warnings",
        quick: false,
        work: Work::Typed,
    },
    Step {
        name: "tests",
        again: "cargo nextest run --locked --workspace",
        quick: true,
        work: Work::PlugInOr("nextest", "cargo test --locked --workspace --lib --bins --tests"),
    },
    Step {
        name: "demo",
        again: "cargo xtask demo",
        quick: false,
        work: Work::Ours(|house| {
            // The tests have built it; building it alone would resolve other features.
            let gtc = house.target.join("debug/gtc");
            demo::run(house, Some(&gtc.to_string_lossy()))
        }),
    },
    Step {
        name: "idle",
        again: "cargo xtask idle",
        quick: false,
        work: Work::Ours(|house| idle::run(house, idle::Asked::Amongst)),
    },
    Step {
        name: "image",
        again: "cargo xtask image --quick",
        quick: false,
        work: Work::Ours(|house| image::run(house, image::Built::ToTest)),
    },
    Step {
        name: "doc tests",
        again: "cargo test --locked --workspace --doc",
        quick: false,
        work: Work::Typed,
    },
    Step {
        name: "licences, advisories",
        again: "cargo deny check",
        quick: false,
        work: Work::PlugIn("deny"),
    },
];

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ending {
    Held,
    Skipped(String),
    Broken { why: String, again: String },
    NotReached,
}

/// Does every step until the first that fails, and shows how each ended.
///
/// # Errors
/// When a step fails: why, and the command that repeats it.
pub(crate) fn run(house: &House, extent: Extent) -> Result<(), String> {
    let mut endings: Vec<(&str, Ending, Duration)> = Vec::new();
    let mut broken = None;
    for step in STEPS {
        let begun = Instant::now();
        let ending = match (&broken, extent) {
            (_, Extent::Quick) if !step.quick => Ending::Skipped("--quick".into()),
            (Some(_), _) => Ending::NotReached,
            (None, _) => {
                println!("\n=== {}", step.name);
                attempt(house, step)
            }
        };
        let took = begun.elapsed();
        match &ending {
            Ending::Skipped(why) => println!("\n!!! skipped {}: {why}", step.name),
            Ending::Broken { why, again } => {
                broken = Some(format!("{}: {why}\nagain: {again}", step.name));
            }
            Ending::Held => println!("=== {} held, {:.1} s", step.name, took.as_secs_f64()),
            Ending::NotReached => {}
        }
        endings.push((step.name, ending, took));
    }
    println!("\n{}", table(&endings));
    broken.map_or(Ok(()), Err)
}

fn attempt(house: &House, step: &Step) -> Ending {
    let (done, again) = match step.work {
        Work::Ours(chore) => (chore(house), step.again),
        Work::PlugIn(name) if !has_plug_in(house, name) => {
            let why =
                format!("cargo-{name} is not installed; `cargo install --locked cargo-{name}`");
            return Ending::Skipped(why);
        }
        Work::PlugInOr(name, plain) if !has_plug_in(house, name) => (typed(house, plain), plain),
        Work::Typed | Work::PlugIn(_) | Work::PlugInOr(..) => {
            (typed(house, step.again), step.again)
        }
    };
    match done {
        Ok(()) => Ending::Held,
        Err(why) => Ending::Broken { why, again: again.into() },
    }
}

fn has_plug_in(house: &House, name: &str) -> bool {
    command::says_yes(&house.root, &["cargo", name, "--version"])
}

fn typed(house: &House, line: &str) -> Result<(), String> {
    command::run(&house.root, &line.split(' ').collect::<Vec<_>>())
}

fn table(endings: &[(&str, Ending, Duration)]) -> String {
    let lines = endings.iter().map(|(name, ending, took)| {
        let seconds = took.as_secs_f64();
        match ending {
            Ending::Held => format!("{name:<22}{seconds:>8.1} s  held"),
            Ending::Broken { .. } => format!("{name:<22}{seconds:>8.1} s  FAILED"),
            Ending::Skipped(why) => format!("{name:<22}       –    skipped: {why}"),
            Ending::NotReached => format!("{name:<22}       –    not reached"),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_hides_nothing() {
        let endings = [
            ("format", Ending::Held, Duration::from_millis(1_500)),
            ("clippy", Ending::Skipped("--quick".into()), Duration::ZERO),
            ("tests", Ending::Broken { why: "no".into(), again: "x".into() }, Duration::ZERO),
            ("doc tests", Ending::NotReached, Duration::ZERO),
        ];
        let table = table(&endings);
        let lines: Vec<Vec<&str>> =
            table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["format", "1.5", "s", "held"]);
        assert_eq!(lines[1], ["clippy", "–", "skipped:", "--quick"]);
        assert_eq!(lines[2], ["tests", "0.0", "s", "FAILED"]);
        assert_eq!(lines[3], ["doc", "tests", "–", "not", "reached"]);
    }

    #[test]
    fn a_step_can_be_repeated_by_its_own_command() {
        for step in STEPS {
            assert!(step.again.starts_with("cargo "), "{}", step.name);
        }
    }
}
