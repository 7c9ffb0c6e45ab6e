//! Replicas that follow at their own pace: nobody flaps while a shift spreads.

use dispatch::Why;
use proptest::prelude::*;

use crate::world::{Bits, Shop, read};

/// Three shares that sum to the whole.
fn shares() -> impl Strategy<Value = [u16; 3]> {
    prop_oneof![
        (0..=10_000_u16, 0..=10_000_u16).prop_map(|(a, b)| [
            a.min(b),
            a.abs_diff(b),
            10_000 - a.max(b)
        ]),
        Just([10_000, 0, 0]),
        Just([0, 10_000, 0]),
    ]
}

/// One shop after each turn; every third turn is a rollback.
fn history(turns: &[[u16; 3]]) -> Vec<Shop> {
    let mut shops = vec![Shop::new(&turns[0])];
    for (i, turn) in turns.iter().enumerate().skip(1) {
        let [.., now] = &shops[..] else { unreachable!() };
        let before = shops.len().checked_sub(2).map(|i| &shops[i]);
        let next = match before {
            Some(before) if i % 3 == 0 => now.rolled_back(before),
            before => now.turned(turn, before),
        };
        shops.push(next);
    }
    shops
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// However requests fall on replicas that lag, a session is always where the newest split that
    /// it met has its slot: it never goes back to an older one.
    #[test]
    fn a_session_is_where_the_newest_split_it_met_has_it(
        turns in prop::collection::vec(shares(), 2..7),
        visits in prop::collection::vec(any::<prop::sample::Index>(), 1..24),
        seed in any::<u64>(),
    ) {
        let shops = history(&turns);
        let replicas: Vec<_> = shops.iter().map(Shop::replica).collect();
        let mut bits = Bits(seed);
        let mut cookie: Option<String> = None;
        let mut newest = 0;
        for visit in visits {
            let at = visit.index(replicas.len());
            let seen = replicas[at].visit(cookie.as_deref(), &mut bits);
            let expected = match (&cookie, at) {
                (None, _) => Why::Drawn,
                (_, at) if at > newest => Why::Slot,
                _ => Why::Cookie,
            };
            prop_assert_eq!(seen.why, expected);
            prop_assert_eq!(seen.cookie.is_some(), expected != Why::Cookie);
            newest = newest.max(at);
            cookie = seen.cookie.or(cookie);
            let told = read(cookie.as_ref().unwrap(), &shops[at]);
            prop_assert_eq!(told.generation, newest as u64);
            prop_assert_eq!(seen.revision, shops[newest].home(&told.session.0));
        }
    }
}
