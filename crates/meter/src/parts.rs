//! Counts of something that has parts, within a budget of series that all who count share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use crate::{Counts, Meter};

/// How many series there may be besides the one for all that have none of their own.
#[derive(Debug)]
pub struct Budget {
    left: AtomicUsize,
    other: Meter,
}

impl Budget {
    /// A budget of so many series, for so many threads.
    #[must_use]
    pub fn new(series: usize, threads: usize) -> Self {
        Self { left: AtomicUsize::new(series), other: Meter::new(threads) }
    }

    /// What was counted by those who have no series.
    #[must_use]
    pub fn other(&self) -> Counts {
        self.other.counts()
    }

    fn take(&self, series: usize) -> bool {
        self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(series)).is_ok()
    }
}

/// Counts requests, by the part that answered.
#[derive(Debug)]
pub struct Meters {
    /// Those that reached no part.
    rest: Meter,
    parts: Box<[(Box<str>, Meter)]>,
    budget: Arc<Budget>,
    /// How many series of the budget are ours: one for each part and the rest, or none at all.
    series: usize,
}

impl Meters {
    /// Meters for these parts, each for so many threads.
    #[must_use]
    pub fn new<'p>(
        parts: impl IntoIterator<Item = &'p str>,
        threads: usize,
        budget: &Arc<Budget>,
    ) -> Self {
        let parts = parts.into_iter().map(|name| (name.into(), Meter::new(threads)));
        let parts: Box<[_]> = parts.collect();
        let wanted = 1 + parts.len();
        let series = if budget.take(wanted) { wanted } else { 0 };
        Self { rest: Meter::new(threads), parts, budget: Arc::clone(budget), series }
    }

    /// The part of this name; none if there is none.
    #[must_use]
    pub fn part(&self, name: &str) -> Option<usize> {
        self.parts.iter().position(|(part, _)| **part == *name)
    }

    /// Counts one request that this part answered; without one it counts to the rest.
    pub fn record(&self, part: Option<usize>, status: u16, took: Duration) {
        let meter = part.and_then(|at| self.parts.get(at)).map_or(&self.rest, |(_, meter)| meter);
        meter.record(status, took);
        if self.series == 0 {
            self.budget.other.record(status, took);
        }
    }

    /// What all parts and the rest have counted together.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let parts = self.parts.iter().map(|(_, meter)| meter.counts());
        parts.fold(self.rest.counts(), Counts::and)
    }

    /// The series: by the name of the part, which is empty for the rest; none where all that is
    /// counted here is in [`Budget::other`].
    pub fn series(&self) -> impl Iterator<Item = (&str, Counts)> {
        let parts = self.parts.iter().map(|(name, meter)| (&**name, meter));
        let all = parts.chain([("", &self.rest)]).take(self.series);
        all.map(|(name, meter)| (name, meter.counts()))
    }
}

impl Drop for Meters {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.series, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(meters: &Meters) -> Vec<(&str, u64)> {
        meters.series().map(|(name, counts)| (name, counts.requests())).collect()
    }

    #[test]
    fn a_part_that_nobody_named_makes_no_series() {
        let budget = Arc::new(Budget::new(100, 1));
        let meters = Meters::new(["web", "api"], 1, &budget);
        for i in 0..1_000 {
            meters.record(meters.part(&format!("made-up-{i}")), 200, Duration::ZERO);
        }
        meters.record(meters.part("api"), 500, Duration::ZERO);
        meters.record(None, 404, Duration::ZERO);
        assert_eq!(series(&meters), [("web", 0), ("api", 1), ("", 1_001)]);
        assert_eq!((meters.counts().requests(), meters.counts().errors()), (1_002, 1));
        assert_eq!(budget.other().requests(), 0);
    }

    #[test]
    fn who_is_beyond_the_budget_is_counted_together_and_never_less() {
        let budget = Arc::new(Budget::new(5, 1));
        let first = Meters::new(["web"], 1, &budget);
        let second = Meters::new(["web"], 1, &budget);
        let beyond = [1, 2].map(|_| Meters::new(["web"], 1, &budget));
        for meters in beyond.iter().chain([&first, &second]) {
            meters.record(meters.part("web"), 200, Duration::ZERO);
        }
        assert_eq!(
            (series(&first), series(&second)),
            (vec![("web", 1), ("", 0)], vec![("web", 1), ("", 0)])
        );
        assert!(beyond.iter().all(|meters| series(meters).is_empty()));
        // Each still knows what it counted itself: that is what is paid for.
        assert!(beyond.iter().all(|meters| meters.counts().requests() == 1));
        assert_eq!(budget.other().requests(), 2);
        drop(beyond);
        assert_eq!(budget.other().requests(), 2, "a counter never goes back");
        // Room comes back with who leaves it.
        assert!(series(&Meters::new(["web"], 1, &budget)).is_empty());
        drop(first);
        assert_eq!(series(&Meters::new(["web"], 1, &budget)).len(), 2);
    }
}
