//! When a program that ended is started again, and when no more. Pure: chance is handed in.

use std::time::Duration;

use crate::settings::Restart;

/// How often in a row it has failed.
#[derive(Debug)]
pub(crate) struct Backoff {
    rule: Restart,
    failures: u32,
}

impl Backoff {
    pub(crate) const fn new(rule: Restart) -> Self {
        Self { rule, failures: 0 }
    }

    /// It ended by itself after it was ready for so long, if it ever was. How long to wait before
    /// the next start; none when there is to be no next. `roll` is a fair draw from all `u32`.
    pub(crate) fn after(&mut self, ready_for: Option<Duration>, roll: u32) -> Option<Duration> {
        if ready_for.is_some_and(|time| time >= self.rule.stable_after) {
            self.failures = 0;
        }
        if self.failures >= self.rule.retries {
            return None;
        }
        let doubled = self.rule.first.saturating_mul(1 << self.failures.min(31));
        self.failures += 1;
        let half = doubled.min(self.rule.longest) / 2;
        Some(half + half.mul_f64(f64::from(roll) / f64::from(u32::MAX)))
    }

    /// How many failures in a row there were.
    pub(crate) const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn rule(retries: u32) -> Restart {
        Restart { first: MS(100), longest: MS(1_000), stable_after: MS(5_000), retries }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_then_it_is_over() {
        let mut backoff = Backoff::new(rule(6));
        let waits: Vec<_> = (0..8).map(|_| backoff.after(None, u32::MAX)).collect();
        let wanted = [100, 200, 400, 800, 1_000, 1_000].map(|ms| Some(MS(ms)));
        assert_eq!(waits[..6], wanted);
        assert_eq!(waits[6..], [None, None]);
    }

    #[test]
    fn who_was_ready_long_enough_begins_anew() {
        let mut backoff = Backoff::new(rule(2));
        assert_eq!(backoff.after(Some(MS(4_999)), 0), Some(MS(50)));
        assert_eq!(backoff.after(Some(MS(4_999)), 0), Some(MS(100)));
        assert_eq!(backoff.after(Some(MS(5_000)), 0), Some(MS(50)));
        assert_eq!(backoff.after(None, 0), Some(MS(100)));
        assert_eq!(backoff.after(None, 0), None);
    }

    proptest! {
        #[test]
        fn a_wait_is_between_half_and_whole(rolls in prop::collection::vec(any::<u32>(), 1..80)) {
            let mut backoff = Backoff::new(rule(u32::MAX));
            for (i, roll) in rolls.into_iter().enumerate() {
                let whole = MS(100 * (1 << i.min(20))).min(MS(1_000));
                let wait = backoff.after(None, roll).unwrap();
                prop_assert!(whole / 2 <= wait && wait <= whole);
            }
        }
    }
}
