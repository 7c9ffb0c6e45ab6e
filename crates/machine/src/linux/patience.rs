//! Waiting for what nobody tells of: it is only seen by looking.

use std::time::{Duration, Instant};

use deploy_spec::Fault;

/// How long after one look the next is taken.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks at once and again, until `look` sees what it looks for or the time is over.
pub(super) fn look_until(
    within: Duration,
    mut look: impl FnMut() -> Result<bool, Fault>,
) -> Result<(), Fault> {
    let over = Instant::now() + within;
    while !look()? && Instant::now() < over {
        #[expect(clippy::disallowed_methods, reason = "nobody says when there is more to see")]
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
