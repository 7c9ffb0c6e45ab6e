//! The console of Windows, whose keys are read one by one and not shown.

use std::io;

use dialoguer::console::Term;

/// A terminal that shows nothing.
pub(super) struct Quiet(Term);

impl Quiet {
    pub(super) fn new() -> io::Result<Quiet> {
        Ok(Quiet(Term::stderr()))
    }

    /// What is typed until the end of a line.
    pub(super) fn line(&self) -> io::Result<String> {
        self.0.read_secure_line()
    }
}
