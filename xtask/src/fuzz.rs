//! Fuzzing on the stable compiler: libFuzzer, guided by coverage.
//!
//! The coverage counters are a pass of LLVM that stable rustc runs when it is asked to; what needs a
//! nightly compiler is the address sanitizer, and our own code has nothing unsafe to sanitize.

use std::path::Path;

use crate::command::{self, text};
use crate::house::House;

/// The programs under `fuzz/`.
const TARGETS: &[&str] = &["squashfs", "zip", "scan", "elf"];
/// Bytes of an input, at most: more takes longer and reaches nothing else.
const MOST_BYTES: &str = "-max_len=16384";
/// Bytes of an input that goes into the tree, at most.
const MOST_KEPT: &str = "-max_len=1500";
/// Seconds for one target, unless it was said.
const SECONDS: u32 = 60;

const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Ccodegen-units=1 \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    seconds: u32,
    keep: Keep,
}

/// What becomes of inputs that reached new code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// They stay where cargo builds, for the next run on this machine.
    Here,
    /// They go to `fuzz/corpus` too, for everybody.
    InTree,
}

/// Runs every target.
///
/// # Errors
/// When a target cannot be built, or finds an input that breaks it: the file is named.
pub(crate) fn run(house: &House, words: &[&str]) -> Result<(), String> {
    let wish = parse(words)?;
    let said = command::ask(&house.root, &["rustc", "-vV"])?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("rustc does not say what it compiles for")?;
    let target = house.target.join("fuzz");
    let flags = format!("RUSTFLAGS={FLAGS}");
    let folder = format!("CARGO_TARGET_DIR={}", text(&target)?);
    // With a target of its own, cargo keeps the counters out of build scripts and macros.
    let build = ["cargo", "build", "--release", "--locked", "--target", host];
    let words = ["env", &flags, &folder].into_iter().chain(build).collect::<Vec<_>>();
    command::run(&house.root.join("fuzz"), &words)?;
    let programs = target.join(host).join("release");
    TARGETS.iter().try_for_each(|name| fuzz(house, &programs.join(name), name, &wish))
}

fn fuzz(house: &House, program: &Path, name: &str, wish: &Wish) -> Result<(), String> {
    println!("\n=== {name}, {} seconds", wish.seconds);
    let found = house.target.join("fuzz/corpus").join(name);
    let broken = house.target.join("fuzz/broken").join(name);
    let kept = house.root.join("fuzz/corpus").join(name);
    for folder in [&found, &broken, &kept] {
        std::fs::create_dir_all(folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    }
    let seconds = format!("-max_total_time={}", wish.seconds);
    let prefix = format!("-artifact_prefix={}/", text(&broken)?);
    let (program, found, kept) = (text(program)?, text(&found)?, text(&kept)?);
    let limits = [MOST_BYTES, "-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"];
    let run = [&[program, &seconds, &prefix], &limits[..], &[found, kept]].concat();
    command::run(&house.root, &run).map_err(|why| format!("{name}: {why}\nsee {prefix}"))?;
    if wish.keep == Keep::InTree {
        command::run(&house.root, &[program, "-merge=1", MOST_KEPT, kept, found])?;
    }
    Ok(())
}

fn parse(words: &[&str]) -> Result<Wish, String> {
    let mut wish = Wish { seconds: SECONDS, keep: Keep::Here };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--keep" => wish.keep = Keep::InTree,
            "--seconds" => {
                let number = words.next().and_then(|number| number.parse().ok());
                wish.seconds = number.filter(|n| *n > 0).ok_or("--seconds takes a number")?;
            }
            _ => return Err(format!("`cargo xtask fuzz` knows no `{word}`")),
        }
    }
    Ok(wish)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_understood_or_refused() {
        assert_eq!(parse(&[]), Ok(Wish { seconds: SECONDS, keep: Keep::Here }));
        let both = parse(&["--keep", "--seconds", "5"]);
        assert_eq!(both, Ok(Wish { seconds: 5, keep: Keep::InTree }));
        for wrong in [&["--seconds"][..], &["--seconds", "0"], &["--seconds", "x"], &["more"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
