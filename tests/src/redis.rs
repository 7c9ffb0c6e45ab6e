//! A Redis of its own for a test.

use std::io::{self, BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// A real server on a loopback port, which keeps nothing; gone when it is dropped.
pub struct Redis {
    port: u16,
    words: Vec<String>,
    child: Child,
}

impl Redis {
    /// A server that answers, with these words on its command line.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn start(words: &[&str]) -> io::Result<Self> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        loop {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            // Somebody else may have taken the port meanwhile.
            if let Some(child) = run(port, &words)? {
                return Ok(Self { port, words, child });
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// It is killed, as by a loss of power.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn stop(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// It is there again, and remembers nothing.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn start_again(&mut self) -> io::Result<()> {
        loop {
            if let Some(child) = run(self.port, &self.words)? {
                self.child = child;
                return Ok(());
            }
        }
    }

    /// Sends it a signal: after `STOP` it takes connections and says nothing, until `CONT`.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn signal(&self, signal: &str) -> io::Result<()> {
        let id = self.child.id().to_string();
        let ended = Command::new("kill").args(["-s", signal, &id]).status()?;
        if ended.success() { Ok(()) } else { Err(io::Error::other(format!("kill: {ended}"))) }
    }

    /// What it answers to these words.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn say(&self, words: &[&str]) -> io::Result<String> {
        let port = self.port.to_string();
        let output = Command::new("redis-cli").args(["-p", &port]).args(words).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server; none if the port is not free.
fn run(port: u16, words: &[String]) -> io::Result<Option<Child>> {
    let mut child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .args(words)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| io::Error::other(format!("redis-server: {error}; `cargo xtask test`")))?;
    let mut lines = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?).lines();
    if lines.by_ref().any(|line| line.is_ok_and(|line| line.contains("Ready to accept"))) {
        std::thread::spawn(move || lines.for_each(drop));
        return Ok(Some(child));
    }
    child.wait()?;
    Ok(None)
}
