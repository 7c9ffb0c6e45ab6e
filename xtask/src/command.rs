//! Other programs: run them, ask them, look for them.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a program in `folder`, its output going where ours goes.
///
/// # Errors
/// When it cannot be started or says that it failed.
pub(crate) fn run(folder: &Path, words: &[&str]) -> Result<(), String> {
    let shown = words.join(" ");
    let status = command(folder, words)
        .status()
        .map_err(|error| format!("`{shown}` cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed: {status}")) }
}

/// What a program prints.
///
/// # Errors
/// When it cannot be started, says that it failed, or prints no text.
pub(crate) fn ask(folder: &Path, words: &[&str]) -> Result<String, String> {
    let shown = words.join(" ");
    let output = command(folder, words)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("`{shown}` cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{shown}` failed: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{shown}` printed no text"))
}

/// Whether a program runs and says yes; what it prints is not shown.
pub(crate) fn says_yes(folder: &Path, words: &[&str]) -> bool {
    let status = command(folder, words).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Whether the shell would find a program of this name.
pub(crate) fn is_installed(program: &str) -> bool {
    says_yes(Path::new("."), &["sh", "-c", &format!("command -v {program}")])
}

fn command(folder: &Path, words: &[&str]) -> Command {
    let (program, arguments) = words.split_first().unwrap_or((&"true", &[]));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    command
}
