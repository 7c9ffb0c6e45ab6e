//! What the time was a moment ago: enough for what waits idle for a minute, and cheaper to ask than
//! the clock. What a request may take is told by the clock itself.

use std::cell::Cell;

use tokio::time::Instant;

/// After so many askings the clock is asked again, however long a thread stays awake.
const TIMES: u32 = 64;

thread_local! {
    /// When this thread woke up or last asked, and how often that was told since; none where nobody
    /// says when it sleeps.
    static WOKE: Cell<Option<(Instant, u32)>> = const { Cell::new(None) };
}

/// The present time, or that at which this thread began with what it does at present. Never of before
/// it slept, where its runtime was made with [`asleep`] and [`awake`].
pub fn about_now() -> Instant {
    match WOKE.get() {
        None => Instant::now(),
        Some((at, times)) if times < TIMES => {
            WOKE.set(Some((at, times + 1)));
            at
        }
        Some(_) => {
            awake();
            about_now()
        }
    }
}

/// This thread is about to wait.
pub(crate) fn asleep() {
    WOKE.set(None);
}

/// This thread has work again.
pub(crate) fn awake() {
    WOKE.set(Some((Instant::now(), 0)));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits until the clock has moved on from `then`.
    fn passed(then: Instant) -> Instant {
        loop {
            let now = Instant::now();
            if now > then {
                return now;
            }
        }
    }

    #[test]
    fn time_stands_still_for_a_while_and_never_over_a_sleep() {
        let unknown = passed(about_now());
        assert!(about_now() >= unknown, "nobody says when this thread sleeps");
        awake();
        let woke = about_now();
        let later = passed(woke);
        assert_eq!(about_now(), woke);
        let again = (0..TIMES).map(|_| about_now()).find(|now| *now != woke);
        assert!(again.is_some_and(|again| again >= later));
        asleep();
        let slept = passed(about_now());
        awake();
        assert!(about_now() >= slept);
        asleep();
    }
}
