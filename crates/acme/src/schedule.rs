//! When an authority is asked for a certificate, and when again. Pure: time and chance are handed in.

use std::time::Duration;

use deploy_spec::Timestamp;

/// How long a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// From when on.
    pub begins: Timestamp,
    /// Until when.
    pub ends: Timestamp,
}

/// Why there is no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The authority could not be asked; that costs nobody anything.
    Away,
    /// It said no, or nothing came of what it said. Authorities count that: Let's Encrypt takes 5
    /// failures an hour for a name.
    Refused,
}

/// What is to be done for the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A certificate is to be got for the name at this index.
    Get(usize),
    /// Nothing before this time.
    Wait(Timestamp),
}

/// The longest that an authority may have us wait. Limits of Let's Encrypt are counted by the week.
pub const TOLD_MAX: Duration = Duration::from_hours(7 * 24);

impl Life {
    /// When it is to be renewed: at two thirds of its life, in whole seconds.
    #[must_use]
    pub fn renewal(&self) -> Timestamp {
        let (begins, ends) = (self.begins.as_second(), self.ends.as_second());
        // A third is less than an `i64` holds; a life that ends before it begins is over.
        let at = ends - (ends - begins).max(0) / 3;
        Timestamp::from_second(at).unwrap_or(self.ends)
    }
}

/// When a name is due: when its certificate is to be renewed, or at once without one, but not
/// before `again` after a failure.
#[must_use]
pub fn due(life: Option<Life>, again: Option<Timestamp>) -> Timestamp {
    let due = life.map_or(Timestamp::UNIX_EPOCH, |life| life.renewal());
    again.map_or(due, |again| due.max(again))
}

/// What to do at `now` for names that are due then; the one that waited longest goes first.
#[must_use]
pub fn next(now: Timestamp, due: impl Iterator<Item = Timestamp>) -> Next {
    match due.enumerate().min_by_key(|(_, due)| *due) {
        Some((index, due)) if due <= now => Next::Get(index),
        Some((_, due)) => Next::Wait(due),
        None => Next::Wait(Timestamp::MAX),
    }
}

/// How long to wait after so many `failures` in a row, the last of this cause. `told` is what the
/// authority asked for, which is obeyed up to [`TOLD_MAX`]; `roll` a fair draw from all `u32`.
#[must_use]
pub fn pause(cause: Cause, failures: u32, told: Option<Duration>, roll: u32) -> Duration {
    let (first, longest) = match cause {
        Cause::Away => (Duration::from_secs(1), Duration::from_hours(1)),
        Cause::Refused => (Duration::from_mins(5), Duration::from_hours(6)),
    };
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(31)).min(longest);
    let half = doubled / 2;
    let own = half + half.mul_f64(f64::from(roll) / f64::from(u32::MAX));
    told.map_or(own, |told| own.max(told.min(TOLD_MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn life(begins: i64, ends: i64) -> Option<Life> {
        Some(Life { begins: at(begins), ends: at(ends) })
    }

    #[test]
    fn it_is_renewed_at_two_thirds_of_its_life() {
        for (begins, ends, renewal) in
            [(0, 90, 60), (1_000, 1_009, 1_006), (0, 1, 1), (5, 5, 5), (9, 5, 5)]
        {
            assert_eq!(life(begins, ends).unwrap().renewal(), at(renewal), "{begins} {ends}");
        }
        let longest = Life { begins: Timestamp::MIN, ends: Timestamp::MAX };
        assert!(longest.renewal() < longest.ends);
    }

    #[test]
    fn a_name_is_due_at_the_second_of_its_renewal_and_not_before() {
        let held = due(life(0, 90), None);
        assert_eq!(next(at(59), [held].into_iter()), Next::Wait(at(60)));
        assert_eq!(next(at(60), [held].into_iter()), Next::Get(0));
        assert_eq!(next(at(0), [due(None, None)].into_iter()), Next::Get(0));
    }

    #[test]
    fn a_name_that_failed_waits_and_holds_up_no_other() {
        let failed = due(None, Some(at(10)));
        assert_eq!(next(at(9), [failed].into_iter()), Next::Wait(at(10)));
        assert_eq!(next(at(10), [failed].into_iter()), Next::Get(0));
        // What was to be renewed long ago waits as well, and what is good is not asked for earlier.
        assert_eq!(due(life(0, 90), Some(at(70))), at(70));
        assert_eq!(due(life(0, 90), Some(at(50))), at(60));
        assert_eq!(next(at(9), [failed, due(None, None)].into_iter()), Next::Get(1));
        assert_eq!(next(at(99), [at(5), at(3), at(4)].into_iter()), Next::Get(1));
        assert_eq!(next(at(0), std::iter::empty()), Next::Wait(Timestamp::MAX));
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let seconds = |cause, failures| pause(cause, failures, None, u32::MAX).as_secs();
        assert_eq!(
            [1, 2, 3, 12, 13, 99].map(|n| seconds(Cause::Away, n)),
            [1, 2, 4, 2_048, 3_600, 3_600]
        );
        assert_eq!(
            [1, 2, 7, 8, 99].map(|n| seconds(Cause::Refused, n)),
            [300, 600, 19_200, 21_600, 21_600]
        );
    }

    #[test]
    fn an_authority_that_refuses_is_asked_five_times_an_hour_at_most() {
        // Let's Encrypt: 5 failed validations for a name, account and hour.
        let shortest: u64 = (1..=5).map(|n| pause(Cause::Refused, n, None, 0).as_secs()).sum();
        assert!(shortest > 3_600, "{shortest}");
    }

    #[test]
    fn what_the_authority_asks_for_is_obeyed_within_bounds() {
        let told = |seconds| pause(Cause::Away, 1, Some(Duration::from_secs(seconds)), 0);
        assert_eq!(told(0), Duration::from_millis(500));
        assert_eq!(told(7_200), Duration::from_hours(2));
        assert_eq!(told(u64::MAX), TOLD_MAX);
    }

    proptest! {
        #[test]
        fn chance_takes_half_at_most(failures in 0..u32::MAX, roll: u32) {
            for cause in [Cause::Away, Cause::Refused] {
                let whole = pause(cause, failures, None, u32::MAX);
                let drawn = pause(cause, failures, None, roll);
                prop_assert!(whole / 2 <= drawn && drawn <= whole);
            }
        }
    }
}
