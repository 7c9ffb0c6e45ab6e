//! What a long command is doing, for people at a terminal; a pipe sees nothing of it.

use std::io::{IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

/// A step that is being taken.
pub(crate) struct Step {
    for_people: bool,
}

/// Says what is being done.
pub(crate) fn step(what: &str) -> Step {
    let for_people = std::io::stderr().is_terminal();
    if for_people {
        let dim = Style::new().dimmed();
        let _ = write!(anstream::stderr(), "{dim}{what}{dim:#} ");
    }
    Step { for_people }
}

impl Step {
    /// Says that it is done.
    pub(crate) fn done(self) {
        if self.for_people {
            let green = AnsiColor::Green.on_default();
            let _ = writeln!(anstream::stderr(), "{green}done{green:#}");
        }
    }

    /// Says that it is not.
    pub(crate) fn failed(self) {
        if self.for_people {
            let red = AnsiColor::Red.on_default();
            let _ = writeln!(anstream::stderr(), "{red}failed{red:#}");
        }
    }
}

/// Says something on a line of its own.
pub(crate) fn note(what: &str) {
    if std::io::stderr().is_terminal() {
        let _ = writeln!(anstream::stderr(), "{what}");
    }
}

/// Bytes that are moved.
pub(crate) struct Bytes(ProgressBar);

/// Says what is being moved; how far it is follows.
pub(crate) fn bytes(what: &str) -> Bytes {
    if !std::io::stderr().is_terminal() {
        return Bytes(ProgressBar::hidden());
    }
    let shown = "{msg} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let style = ProgressStyle::with_template(shown).unwrap_or(ProgressStyle::default_bar());
    Bytes(ProgressBar::new(0).with_style(style).with_message(what.to_owned()))
}

impl Bytes {
    /// How far it is.
    pub(crate) fn at(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }
}
