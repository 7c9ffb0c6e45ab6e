//! What a whole process costs: wall time, CPU time, and the most memory it held.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::figures::Samples;

/// Samples of one command.
pub(crate) struct Cost {
    pub(crate) wall_s: Samples,
    pub(crate) cpu_s: Samples,
    pub(crate) peak_mb: Samples,
}

impl Cost {
    pub(crate) const fn new() -> Self {
        Self { wall_s: Samples::new(), cpu_s: Samples::new(), peak_mb: Samples::new() }
    }

    /// Runs a command on these CPUs (as `taskset` lists them) and adds what it cost. `notes` is
    /// where GNU time may write a file.
    pub(crate) fn add(&mut self, cpus: &str, words: &[&str], notes: &Path) -> Result<(), String> {
        let notes = notes.join("cost");
        let mut command = Command::new("/usr/bin/time");
        command.args(["-f", "%U %S %M", "-o"]).arg(&notes).args(["taskset", "-c", cpus]);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
        let begun = Instant::now();
        let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
        let took = begun.elapsed().as_secs_f64();
        if !status.success() {
            return Err(format!("{}: {status}", words.join(" ")));
        }
        let told = fs::read_to_string(&notes).map_err(|error| error.to_string())?;
        let told: Vec<f64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [user, system, peak_kb] = told[..] else {
            return Err("GNU time did not say what it was asked for".into());
        };
        self.wall_s.add(took);
        self.cpu_s.add(user + system);
        self.peak_mb.add(peak_kb / 1e3);
        Ok(())
    }

    /// Medians: seconds of wall time and of CPU time, MB.
    pub(crate) fn medians(&self) -> [f64; 3] {
        [self.wall_s.median(), self.cpu_s.median(), self.peak_mb.median()]
    }
}
