//! Counts of requests by status, and a histogram of how long they took.
//!
//! A [`Meter`] is added to from every thread at once, and each thread has counters of its own, so
//! that nobody waits for a cache line. Reading one sums them up. How many numbers there are is fixed:
//! nothing that a client sends makes a new one. No clock: the caller says how long it took.

mod parts;

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

pub use parts::{Budget, Meters};

/// The upper bounds of the buckets of a histogram, in microseconds, bounds included; what takes
/// longer than the last is in one more bucket.
pub const BOUNDS_US: [u64; 20] = [
    100, 250, 500, 1_000, 2_500, 5_000, 7_500, 10_000, 25_000, 50_000, 75_000, 100_000, 250_000,
    500_000, 750_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
];
const BUCKETS: usize = BOUNDS_US.len() + 1;

/// 1xx to 5xx.
const CLASSES: usize = 5;

/// The counters of one thread, or of a few that share them. Aligned to what a CPU fetches at once.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    classes: [AtomicU64; CLASSES],
    buckets: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
}

/// Counts requests.
#[derive(Debug)]
pub struct Meter {
    shards: Box<[Shard]>,
}

/// What a [`Meter`] has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests by the first digit of their status, 1 to 5.
    pub classes: [u64; CLASSES],
    /// Requests by how long they took, in the order of [`BOUNDS_US`].
    pub buckets: [u64; BUCKETS],
    /// How long all of them took together, in microseconds.
    pub sum_us: u64,
}

impl Meter {
    /// A meter for so many threads, at least one; more may use it.
    #[must_use]
    pub fn new(threads: usize) -> Self {
        Self { shards: (0..threads.max(1)).map(|_| Shard::default()).collect() }
    }

    /// Counts one request. A status outside of 100 to 599 counts as the nearest.
    pub fn record(&self, status: u16, took: Duration) {
        let shard = &self.shards[thread() % self.shards.len()];
        let class = usize::from(status / 100).clamp(1, CLASSES) - 1;
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX >> 24);
        shard.classes[class].fetch_add(1, Relaxed);
        shard.buckets[BOUNDS_US.partition_point(|bound| *bound < us)].fetch_add(1, Relaxed);
        shard.sum_us.fetch_add(us, Relaxed);
    }

    /// What was counted so far. A request that is being counted may be in some of it only.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for shard in &self.shards {
            add(&mut counts.classes, &shard.classes);
            add(&mut counts.buckets, &shard.buckets);
            counts.sum_us += shard.sum_us.load(Relaxed);
        }
        counts
    }
}

impl Counts {
    /// How many requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.classes.iter().sum()
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let classes = self.classes.iter_mut().zip(other.classes);
        let buckets = self.buckets.iter_mut().zip(other.buckets);
        classes.chain(buckets).for_each(|(sum, more)| *sum += more);
        self.sum_us += other.sum_us;
        self
    }

    /// How many of them were answered with a status of 500 or more.
    #[must_use]
    pub const fn errors(&self) -> u64 {
        self.classes[4]
    }

    /// The bound below or at which this share of all requests lies, in microseconds: `q` from 0 to
    /// 1. None without requests, and where it lies above the last bound.
    #[must_use]
    pub fn quantile_us(&self, q: f64) -> Option<u64> {
        let all: u64 = self.buckets.iter().sum();
        if all == 0 {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank among counted requests"
        )]
        let rank = ((all as f64 * q.clamp(0.0, 1.0)).ceil() as u64).max(1);
        let mut so_far = 0;
        let at = self.buckets.iter().position(|count| {
            so_far += count;
            so_far >= rank
        })?;
        BOUNDS_US.get(at).copied()
    }
}

fn add(sums: &mut [u64], counters: &[AtomicU64]) {
    for (sum, counter) in sums.iter_mut().zip(counters) {
        *sum += counter.load(Relaxed);
    }
}

/// The number of this thread, counted from the first that asked.
fn thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    let number = NUMBER.get();
    if number != usize::MAX {
        return number;
    }
    let number = NEXT.fetch_add(1, Relaxed);
    NUMBER.set(number);
    number
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_request_is_in_one_class_and_in_the_bucket_that_holds_it(
            requests in prop::collection::vec((100_u16..600, 0_u64..60_000_000), 0..60),
        ) {
            let meter = Meter::new(3);
            std::thread::scope(|scope| {
                for part in requests.chunks(7) {
                    let meter = &meter;
                    scope.spawn(move || {
                        for (status, us) in part {
                            meter.record(*status, Duration::from_micros(*us));
                        }
                    });
                }
            });
            let counts = meter.counts();
            prop_assert_eq!(counts.requests(), requests.len() as u64);
            prop_assert_eq!(counts.sum_us, requests.iter().map(|(_, us)| us).sum::<u64>());
            let errors = requests.iter().filter(|(status, _)| *status >= 500).count();
            prop_assert_eq!(counts.errors(), errors as u64);
            let mut below = 0;
            for (bound, count) in BOUNDS_US.iter().zip(counts.buckets) {
                below += count;
                let wanted = requests.iter().filter(|(_, us)| us <= bound).count();
                prop_assert_eq!(below, wanted as u64);
            }
        }

        #[test]
        fn a_quantile_is_the_first_bound_that_enough_requests_are_below(
            took in prop::collection::vec(0_u64..30_000_000, 1..60), q in 0.0_f64..=1.0,
        ) {
            let meter = Meter::new(1);
            took.iter().for_each(|us| meter.record(200, Duration::from_micros(*us)));
            let bound = meter.counts().quantile_us(q).unwrap();
            #[expect(clippy::cast_precision_loss, reason = "few requests")]
            let share = |bound: u64| {
                took.iter().filter(|us| **us <= bound).count() as f64 / took.len() as f64
            };
            prop_assert!(share(bound) >= q);
            let before = BOUNDS_US.iter().rev().find(|other| **other < bound);
            prop_assert!(before.is_none_or(|before| share(*before) < q || q == 0.0));
        }
    }

    #[test]
    fn odd_statuses_count_as_the_nearest_class() {
        let meter = Meter::new(0);
        meter.record(0, Duration::ZERO);
        meter.record(999, Duration::MAX);
        let counts = meter.counts();
        assert_eq!(counts.classes, [1, 0, 0, 0, 1]);
        assert_eq!((counts.buckets[0], counts.buckets[BUCKETS - 1]), (1, 1));
        assert_eq!(counts.quantile_us(1.0), None);
    }
}
