//! What a long command is doing, for people at a terminal; a pipe sees nothing of it.

use std::io::{IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};

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
}
