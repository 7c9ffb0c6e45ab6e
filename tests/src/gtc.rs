//! Running `gtc` as a script would: words in, one JSON envelope out.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A `gtc` with a store of its own.
#[derive(Debug)]
pub struct Gtc {
    binary: PathBuf,
    store_root: PathBuf,
}

/// How a command ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained.
    pub stderr: String,
}

/// A running `gtc start`; it is stopped when this goes away.
#[derive(Debug)]
pub struct Serving {
    /// Where it answers.
    pub address: String,
    /// Where it answers over TLS.
    pub tls_address: Option<String>,
    child: Child,
}

impl Gtc {
    /// The binary, with its store in `folder`.
    #[must_use]
    pub fn new(binary: PathBuf, folder: &Path) -> Self {
        Self { binary, store_root: folder.join("environments") }
    }

    /// The folder of environments.
    #[must_use]
    pub fn store_root(&self) -> &Path {
        &self.store_root
    }

    /// `gtc …`, ready to run.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).arg("--store-root").arg(&self.store_root).stdin(Stdio::null());
        command
    }

    /// `gtc op NOUN VERB …`, whose result is given.
    ///
    /// # Errors
    /// What it said on standard error when it failed.
    pub fn op(&self, verb: &str, words: &[&str]) -> Result<Value, String> {
        let mut all = vec!["op"];
        all.extend(verb.split(' '));
        all.extend_from_slice(words);
        self.run(&all)
    }

    /// `gtc …`, whose result is given.
    ///
    /// # Errors
    /// What it said on standard error when it failed.
    pub fn run(&self, words: &[&str]) -> Result<Value, String> {
        let typed = format!("gtc {}", words.join(" "));
        let ended = self.end(words, b"")?;
        if ended.code != 0 {
            return Err(format!("{typed}: {}", ended.stderr));
        }
        let envelope: Value =
            serde_json::from_str(&ended.stdout).map_err(|error| format!("{typed}: {error}"))?;
        Ok(envelope["result"].clone())
    }

    /// `gtc …` with something on its standard input, and how it ended.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn end(&self, words: &[&str], input: &[u8]) -> Result<Ended, String> {
        let failed = |error: std::io::Error| format!("gtc {}: {error}", words.join(" "));
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // It need not read all of it.
            let _ = stdin.write_all(input);
        }
        let output = child.wait_with_output().map_err(failed)?;
        Ok(Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// `gtc start`, once it is ready.
    ///
    /// # Errors
    /// What it said instead of being ready.
    pub fn start(&self, words: &[&str]) -> Result<Serving, String> {
        let mut all = vec!["start"];
        all.extend_from_slice(words);
        if !words.contains(&"--listen") {
            all.extend(["--listen", "127.0.0.1:0"]);
        }
        if !words.contains(&"--log") {
            all.extend(["--log", "error"]);
        }
        let mut child = self
            .command(&all)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("gtc start: {error}"))?;
        let mut line = String::new();
        let read = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        let ready: Value = serde_json::from_str(&line).unwrap_or_default();
        let address = ready["result"]["address"].as_str().unwrap_or_default().to_owned();
        let tls_address = ready["result"]["tls_address"].as_str().map(str::to_owned);
        let serving = Serving { address, tls_address, child };
        match read {
            Some(Ok(_)) if !serving.address.is_empty() => Ok(serving),
            _ => Err(format!("gtc start said `{}`", line.trim())),
        }
    }
}

impl Serving {
    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop as a supervisor does, and sees it end well.
    ///
    /// # Errors
    /// When it does not.
    pub fn stop(mut self) -> Result<(), String> {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        told.map_err(|error| format!("kill: {error}"))?;
        let ended = self.child.wait().map_err(|error| format!("gtc start: {error}"))?;
        if ended.success() { Ok(()) } else { Err(format!("gtc start ended with {ended}")) }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
