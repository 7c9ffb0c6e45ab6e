//! What one process remembers.

use std::collections::BTreeMap;

use dispatch::{LIFETIME_S, Pin, PinName};
use pins::{Pins, REMEMBERED_MAX};
use proptest::prelude::*;

use crate::{NOON, name, pin};

#[test]
fn there_is_room_for_so_many_and_those_that_end_soonest_go() {
    let pins = Pins::in_memory();
    let room = REMEMBERED_MAX as u64;
    for i in 0..room {
        pins.remember(&name(&i.to_be_bytes()), pin(1, 5), NOON + i);
    }
    assert_eq!(pins.held(), REMEMBERED_MAX);
    // It is renewed when half of its life is over, and not the one that ends soonest any more.
    let later = NOON + LIFETIME_S / 2 + 1;
    assert_eq!(pins.remember(&name(&0_u64.to_be_bytes()), pin(2, 4), later), pin(1, 5));
    for i in room..room + 10 {
        pins.remember(&name(&i.to_be_bytes()), pin(1, 5), later);
        assert_eq!(pins.held(), REMEMBERED_MAX);
    }
    for (i, is_known) in [(0, true), (11, true), (room, true), (10, false), (1, false)] {
        let known = pins.remember(&name(&u64::to_be_bytes(i)), pin(2, 4), later);
        assert_eq!(known == pin(1, 5), is_known, "{i}");
    }
}

#[test]
fn deployments_do_not_see_each_others_sessions() {
    let pins = Pins::in_memory();
    let other = PinName::new("gt:rev_pin:prod:01OTHER:acme", b"me");
    pins.remember(&name(b"me"), pin(1, 5), NOON);
    assert_eq!(pins.remember(&other, pin(2, 1), NOON), pin(2, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// As a map that forgets nothing but what has ended.
    #[test]
    fn the_pin_of_the_newest_split_counts_until_it_ends(
        asked in prop::collection::vec((0..4_u8, 0..4_u64, 0..4_u64, 0..LIFETIME_S), 1..60),
    ) {
        let pins = Pins::in_memory();
        let mut model: BTreeMap<u8, (Pin, u64)> = BTreeMap::new();
        let mut now = NOON;
        for (session, revision, generation, seconds) in asked {
            now += seconds;
            let proposed = pin(revision, generation);
            let known = model.get(&session).copied().filter(|(_, ends)| *ends > now);
            let (counts, ends) = match known.filter(|(known, _)| known.generation >= generation) {
                Some((known, ends)) if ends >= now + LIFETIME_S / 2 => (known, ends),
                Some((known, _)) => (known, now + LIFETIME_S),
                None => (proposed, now + LIFETIME_S),
            };
            model.insert(session, (counts, ends));
            prop_assert_eq!(pins.remember(&name(&[session]), proposed, now), counts);
        }
        prop_assert_eq!(pins.held(), model.len());
    }
}
