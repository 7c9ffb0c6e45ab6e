//! Which requests are told of, where not all are.

use deploy_spec::{Bps, WHOLE};

/// How many bits of a trace id say whether it is in a sample: as many as are random wherever it was
/// made (W3C Trace Context Level 2, §3.2.2.3).
const BITS: u32 = 56;

/// Whether a trace is in a sample of `share`. The id decides and nothing else does, so that whoever
/// looks at a trace comes to the same, and a smaller sample lies in every larger one.
pub(crate) const fn is_in(trace_id: u128, share: Bps) -> bool {
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what counts")]
    let low = trace_id as u64 & ((1 << BITS) - 1);
    // `low / 2^56 < share / 10 000`, in whole numbers.
    (low as u128) * (WHOLE as u128) < (share.get() as u128) << BITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(bps: u16) -> Bps {
        Bps::new(bps).unwrap()
    }

    #[test]
    fn the_ends_of_the_range_are_exact() {
        for id in [0, 1, u128::MAX, u128::from(u64::MAX), 1 << 56, (1 << 56) - 1] {
            assert!(is_in(id, share(10_000)), "{id:x}");
            assert!(!is_in(id, share(0)), "{id:x}");
        }
        let first_out = (1_u128 << BITS).div_ceil(10_000);
        assert!(is_in(first_out - 1, share(1)) && !is_in(first_out, share(1)));
    }

    proptest! {
        #[test]
        fn a_smaller_sample_lies_in_every_larger_one(id: u128, a in 0_u16..=10_000, b in 0_u16..=10_000) {
            let (less, more) = (a.min(b), a.max(b));
            prop_assert!(!is_in(id, share(less)) || is_in(id, share(more)));
        }
    }
}
