//! What chance allows: exact binomial bounds.

/// The smallest and largest number of hits among `n` that are not in the outer tails, each tail
/// holding at most `outside / 2` of the probability.
#[must_use]
pub fn bounds(n: u32, p: f64, outside: f64) -> (u32, u32) {
    let low = (0..=n).scan(0.0, |sum, k| {
        *sum += pmf(n, p, k);
        Some(*sum)
    });
    let low = low.take_while(|&tail| tail < outside / 2.0).count();
    let high = (0..=n).rev().scan(0.0, |sum, k| {
        *sum += pmf(n, p, k);
        Some(*sum)
    });
    let high = high.take_while(|&tail| tail < outside / 2.0).count();
    (u32::try_from(low).unwrap_or(n), n - u32::try_from(high).unwrap_or(n))
}

/// The probability of exactly `k` hits, by logarithms so that nothing overflows.
fn pmf(n: u32, p: f64, k: u32) -> f64 {
    let ln_choose: f64 = (1..=k).map(|i| f64::from(n - k + i).ln() - f64::from(i).ln()).sum();
    (ln_choose + f64::from(k) * p.ln() + f64::from(n - k) * (1.0 - p).ln()).exp()
}

#[cfg(test)]
mod tests {
    use super::{bounds, pmf};

    #[test]
    fn probabilities_sum_to_one() {
        for p in [0.01, 0.5, 0.99] {
            let sum: f64 = (0..=1_000).map(|k| pmf(1_000, p, k)).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{p}: {sum}");
        }
    }

    #[test]
    fn a_canary_that_is_never_picked_is_out_of_bounds() {
        let (low, high) = bounds(1_000, 0.01, 1e-3);
        assert!(low > 0 && high < 30, "{low} to {high}");
        let (low, high) = bounds(1_000, 0.01, 1e-6);
        assert!(high > 25 && high < 40, "{low} to {high}");
    }
}
