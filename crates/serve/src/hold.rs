//! Requests to a paused deployment: held until it goes on, so that a short pause is only a wait.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long a request is held before it is answered with a 503.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How many requests are held at once in this process; beyond it they are not.
const HELD_MAX: usize = 1_000;

/// The requests that are held.
#[derive(Debug, Default)]
pub(crate) struct Hold(AtomicUsize);

/// One of them.
#[derive(Debug)]
pub(crate) struct Held<'h>(&'h Hold);

impl Hold {
    /// One more, if there is room.
    pub(crate) fn one(&self) -> Option<Held<'_>> {
        let more = |held| (held < HELD_MAX).then_some(held + 1);
        let counted = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.is_ok().then(|| Held(self))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_held_than_there_is_room_for() {
        let hold = Hold::default();
        let mut held: Vec<_> = std::iter::from_fn(|| hold.one()).collect();
        assert_eq!(held.len(), HELD_MAX);
        held.pop();
        assert!(hold.one().is_some());
        drop(held);
        assert_eq!(hold.count(), 0);
    }
}
