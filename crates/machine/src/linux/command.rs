//! Programs of the machine. None may hang: `timeout`, which is part of every Linux, ends them.

use std::process::{Command, Stdio};

use deploy_spec::Fault;

use crate::answer::shortened;

/// How long systemd may take, in seconds: longer than any unit of ours may take to start or stop.
const SLOW: u32 = 3700;

/// What a program said and how it ended.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) success: bool,
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

/// Runs `words`, whatever it says.
pub(super) fn ask(words: &[&str]) -> Result<Said, Fault> {
    run(&mut timed(SLOW, words))
}

/// Runs `words`, which must succeed; gives what it printed.
pub(super) fn must(words: &[&str]) -> Result<String, Fault> {
    let said = ask(words)?;
    if said.success {
        return Ok(said.out);
    }
    Err(Fault::unavailable(format!("`{}` failed: {}", words.join(" "), said.why())))
}

/// `words`, which are ended after `seconds`.
pub(super) fn timed(seconds: u32, words: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.arg("--kill-after=5").arg(seconds.to_string()).args(words);
    command
}

pub(super) fn run(command: &mut Command) -> Result<Said, Fault> {
    run_on(Stdio::null(), command)
}

/// Runs a command that reads `input`.
pub(super) fn run_on(input: Stdio, command: &mut Command) -> Result<Said, Fault> {
    command.stdin(input).env("LC_ALL", "C.UTF-8").env("SYSTEMD_PAGER", "");
    let output = command.output().map_err(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        Fault::unavailable(format!("`{program}` cannot be run: {error}"))
    })?;
    Ok(Said {
        success: output.status.success(),
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

impl Said {
    /// Why it failed, in its own words.
    pub(super) fn why(&self) -> String {
        let said = match self.err.trim() {
            "" => self.out.trim(),
            said => said,
        };
        match (said.is_empty(), self.code) {
            (false, _) => shortened(said),
            (true, Some(124)) => "it took too long".into(),
            (true, Some(code)) => format!("exit code {code}"),
            (true, None) => "it was killed".into(),
        }
    }
}
