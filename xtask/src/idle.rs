//! The test of idle connections on a kernel of its own, where the limits are ours: a machine seldom
//! lets a process have descriptors for 50 000. It is User-mode Linux, a process like any other that
//! needs neither KVM nor root, on the files of this machine, which it can only read.

use std::time::Instant;

use serde_json::{Value, json};

use crate::command::{self, text};
use crate::house::House;
use crate::needs;

/// The kernel, as Debian's package calls it.
pub(crate) const KERNEL: &str = "linux.uml";
/// After so many seconds it hangs.
const MOST_SECONDS: &str = "180";
/// What the test says when it has counted as many as it wants to.
const COUNTED: &str = "50000 idle connections";

/// What its first process says when it has begun, and when the test has held.
const BEGUN: &str = "idle: begun";
const HELD: &str = "idle: ended with 0";
/// What `timeout` says of a program that it has ended, by force at last.
const TIMED_OUT: [i32; 2] = [124, 137];

/// Who wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Somebody, by name: that it cannot be run is a fault.
    Alone,
    /// `cargo xtask test`: what this machine cannot do is said and left out.
    Amongst,
}

/// Builds the test as `cargo xtask test` does, and runs it.
///
/// # Errors
/// When it cannot be built, does not hold, or does not end.
pub(crate) fn run(house: &House, asked: Asked) -> Result<(), String> {
    match (hold(house)?, asked) {
        (Ending::Held(line), _) => println!("{line}"),
        (Ending::NotTried(why), Asked::Amongst) => {
            println!("\nSKIPPED: 50 000 IDLE CONNECTIONS WERE NOT TRIED: {why}");
        }
        (Ending::NotTried(why), Asked::Alone) => return Err(why),
    }
    Ok(())
}

enum Ending {
    Held(String),
    /// Nothing can be said, and why.
    NotTried(String),
}

fn hold(house: &House) -> Result<Ending, String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(Ending::NotTried("User-mode Linux is for x86-64".into()));
    }
    needs::install_for_idle(house)?;
    command::run(&house.root.join("examples/hello"), &["sh", "build.sh"])?;
    let test = test(house)?;
    let begun = Instant::now();
    let (code, said) = boot(house, &test)?;
    let seconds = begun.elapsed().as_secs();
    ending(code, &said, seconds)
}

/// The program that the test is in.
fn test(house: &House) -> Result<String, String> {
    // All of it, as for the tests: the test alone would resolve other features.
    let build = ["cargo", "test", "--locked", "--workspace", "--lib", "--bins", "--tests"];
    let tell = ["--no-run", "--message-format=json-render-diagnostics"];
    let said = command::ask(&house.root, &[&build[..], &tell].concat())?;
    let built = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut ours =
        built.filter(|it| it["target"]["name"] == "gtc" && it["target"]["kind"] == json!(["test"]));
    let program = ours.find_map(|it| it["executable"].as_str().map(str::to_owned));
    program.ok_or_else(|| "cargo has built no tests of gtc".into())
}

/// How it ended, and all that was said in it.
fn boot(house: &House, test: &str) -> Result<(Option<i32>, String), String> {
    let root = text(&house.root)?;
    let script = format!("{root}/xtask/idle/init.sh");
    let (root, test) = (format!("ROOT={root}"), format!("TEST={test}"));
    let processor = processor()?;
    let most = ["timeout", "--kill-after=5", MOST_SECONDS, "taskset", "--cpu-list", &processor];
    // Memory is taken from the machine when it is first touched.
    let files = ["mem=6G", "root=none", "rootfstype=hostfs", "rootflags=/", "ro"];
    let console = ["con=null", "con0=null,fd:1", "quiet"];
    let first = [&root, &test, "init=/bin/sh", "--", &script];
    command::end(&house.root, &[&most[..], &[KERNEL], &files, &console, &first].concat())
}

/// The one that it shall run on: it has many processes of which one runs at a time, and to wake another
/// elsewhere takes longer than what it does.
fn processor() -> Result<String, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let first = allowed.and_then(|list| list.trim().split([',', '-']).next());
    first.map(str::to_owned).ok_or_else(|| "the system names no processor".into())
}

fn ending(code: Option<i32>, said: &str, seconds: u64) -> Result<Ending, String> {
    let says = |what: &str| said.lines().any(|line| line.trim() == what);
    let failed = |why: &str| Err(format!("{said}\n\n{why}, after {seconds} s; see above"));
    if said.contains("Kernel panic") {
        return failed("the small system panicked");
    }
    if code.is_some_and(|code| TIMED_OUT.contains(&code)) {
        return failed("the small system did not end");
    }
    if !says(BEGUN) {
        return Ok(Ending::NotTried(format!("{KERNEL} does not run here: {said}")));
    }
    if !says(HELD) {
        return failed("the test of idle connections failed");
    }
    if let Some(line) = said.lines().find(|line| line.starts_with("SKIPPED")) {
        return Ok(Ending::NotTried(format!("{KERNEL} is too slow here: {line}")));
    }
    let Some(at) = said.find(COUNTED) else {
        return failed("there were fewer than 50 000 connections");
    };
    let line = said[at..].lines().next().unwrap_or_default();
    Ok(Ending::Held(format!("{}, in {seconds} s", line.trim())))
}
