//! How far a count may stray from its share before the router is to blame.

/// How often a correct router may fail one test.
pub(crate) const FALSE_ALARM: f64 = 1e-6;

/// `n · KL(hits/n ‖ p)`: by Chernoff's bound, that many or more (fewer) hits than expected have a
/// probability of at most e to the minus this, for every `n`.
fn surprise(hits: u32, n: u32, p: f64) -> f64 {
    let (n, seen) = (f64::from(n), f64::from(hits) / f64::from(n));
    let term = |q: f64, p: f64| if q == 0.0 { 0.0 } else { q * (q / p).ln() };
    n * (term(seen, p) + term(1.0 - seen, 1.0 - p))
}

/// Whether `hits` of `n` draws can be those of a router that hits with probability `p`, in a test
/// of `cells` such counts that fails a correct router no more than once in a million runs: each
/// count has two tails, and each tail may have its part of [`FALSE_ALARM`] (Bonferroni).
pub(crate) fn plausible(hits: u32, n: u32, p: f64, cells: usize) -> bool {
    let tails = 2.0 * f64::from(u32::try_from(cells).unwrap());
    surprise(hits, n, p) <= (tails / FALSE_ALARM).ln()
}

/// The probability of exactly `k` hits in `n` draws.
fn exactly(k: u32, n: u32, p: f64) -> f64 {
    let choose: f64 = (0..k).map(|i| (f64::from(n - i) / f64::from(k - i)).ln()).sum();
    (choose + f64::from(k) * p.ln() + f64::from(n - k) * (-p).ln_1p()).exp()
}

#[test]
fn the_bound_fails_a_correct_router_no_more_often_than_it_says() {
    for (n, p) in [(50, 0.5), (1_000, 0.01), (1_000, 0.333), (2_000, 0.0001), (400, 0.99)] {
        let refused = (0..=n).filter(|&k| !plausible(k, n, p, 1));
        let alarm: f64 = refused.map(|k| exactly(k, n, p)).sum();
        assert!(alarm <= FALSE_ALARM, "{n} draws at {p}: {alarm}");
        assert!(alarm > FALSE_ALARM / 1e3, "{n} draws at {p}: toothless, {alarm}");
    }
}
