//! A line from a terminal that does not show it.
//!
//! The terminal goes quiet before the prompt appears and stays so until there is an answer: who
//! types at once, or pastes, is neither echoed nor loses the first letters.

#[cfg_attr(unix, path = "hidden/unix.rs")]
#[cfg_attr(windows, path = "hidden/windows.rs")]
mod quiet;

use std::io::{self, Write as _};

use quiet::Quiet;

/// Asks until `accept` takes what was typed; says why it did not. Interrupted when given up.
pub(super) fn ask<T>(prompt: &str, accept: impl Fn(String) -> Result<T, String>) -> io::Result<T> {
    let keys = Quiet::new()?;
    loop {
        anstream::eprint!("{prompt}: ");
        io::stderr().flush()?;
        let typed = keys.line();
        anstream::eprintln!();
        match accept(typed?) {
            Ok(answer) => return Ok(answer),
            Err(why) => anstream::eprintln!("{why}"),
        }
    }
}
