//! Other programs: run them, ask them, look for them.

use std::path::Path;
use std::process::{Command, Stdio};

/// What cargo says to us of our own package. A build script that asks for it (ring's does) would run
/// again, with all that is built on it, whenever cargo is called by us and not by hand.
const OURS: [&str; 9] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_MANIFEST_PATH",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

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

/// How a program that may fail ended, and all it said.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn end(folder: &Path, words: &[&str]) -> Result<(Option<i32>, String), String> {
    let output = command(folder, words)
        .output()
        .map_err(|error| format!("`{}` cannot be started: {error}", words.join(" ")))?;
    let said = [output.stdout, output.stderr].concat();
    Ok((output.status.code(), String::from_utf8_lossy(&said).trim().to_owned()))
}

/// A path as a word of a command.
///
/// # Errors
/// When it is not UTF-8.
pub(crate) fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| format!("`{}` is not UTF-8", path.display()))
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
    for name in OURS {
        command.env_remove(name);
    }
    command
}
