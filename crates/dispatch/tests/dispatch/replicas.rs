//! Replicas that follow at their own pace: nobody flaps while a shift spreads.

use deploy_spec::SessionSource;
use dispatch::{Ask, Pin, Why};
use proptest::prelude::*;

use crate::world::{Bits, Replica, Shop, ask, read};

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

    /// The same for sessions that the application names, where replicas share their pins.
    #[test]
    fn a_named_session_is_where_the_newest_split_it_met_has_it(
        turns in prop::collection::vec(shares(), 2..7),
        visits in prop::collection::vec(any::<prop::sample::Index>(), 1..24),
        seed in any::<u64>(),
    ) {
        let shops = history(&turns);
        let named = |shop: &Shop| {
            let session = SessionSource::Header("x-user".into());
            Shop { session, ..shop.clone() }.replica()
        };
        let replicas: Vec<_> = shops.iter().map(named).collect();
        let mut bits = Bits(seed);
        let mut shared: Option<Pin> = None;
        let mut newest = 0;
        for visit in visits {
            let at = visit.index(replicas.len());
            newest = newest.max(at);
            prop_assert_eq!(met(&replicas[at], &mut shared, &mut bits), shops[newest].home(b"me"));
            prop_assert_eq!(shared.map(|pin| pin.generation), Some(newest as u64));
        }
    }
}

/// Who answers `me`: what is remembered counts if it is of a newer split than what is proposed.
fn met(replica: &Replica, shared: &mut Option<Pin>, bits: &mut Bits) -> u64 {
    let unpinned = Ask { session_header: Some(b"me"), ..ask(None, bits.session()) };
    let proposed = replica.answer(&unpinned).unwrap();
    let pin = shared.filter(|pin| Some(pin.generation) > proposed.pin.map(|pin| pin.generation));
    *shared = pin.or(proposed.pin);
    let seen = replica.answer(&Ask { pin: *shared, ..unpinned }).unwrap();
    assert_eq!((seen.why, seen.pin), (Why::Pinned, None));
    seen.revision
}
