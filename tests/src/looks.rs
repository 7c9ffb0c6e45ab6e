//! Waiting for what has no event of its own.

use std::time::{Duration, Instant};

/// How long something is looked for before it counts as never happened, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One for each time that something is worth another look, at least once.
pub fn looks() -> impl Iterator<Item = ()> {
    let begun = Instant::now();
    let mut is_first = true;
    std::iter::from_fn(move || {
        let again = std::mem::take(&mut is_first) || begun.elapsed() < PATIENCE;
        again.then(std::thread::yield_now)
    })
}
