//! What is left for the others when one revision is given a share.

use control::traffic::others_of;
use deploy_spec::Bps;
use proptest::prelude::*;

use crate::world::{World, cases};

/// The others of `r3` when it has `share`, where r1, r2 and r3 have these shares now.
fn others(now: [u16; 3], share: u16) -> Vec<(u64, u16)> {
    let mut world = World::serving(3);
    let entries = [("r1", now[0]), ("r2", now[1]), ("r3", now[2])];
    world.turn(&entries).unwrap();
    let r3 = world.revision("r3").revision_id;
    let record = world.deployment("fast2flow");
    let others = others_of(&world.memory, &record, Some(r3), Bps::new(share).unwrap()).unwrap();
    others.into_iter().map(|(sequence, bps)| (sequence, bps.get())).collect()
}

#[test]
fn a_canary_takes_from_the_largest_and_gives_back_there() {
    assert_eq!(others([9_800, 100, 100], 500), [(1, 9_400), (2, 100)]);
    assert_eq!(others([9_400, 100, 500], 0), [(1, 9_900), (2, 100)]);
    assert_eq!(others([9_800, 100, 100], 9_950), [(2, 50)]);
    assert_eq!(others([9_800, 100, 100], 10_000), []);
    assert_eq!(others([0, 9_900, 100], 500), [(2, 9_500)]);
}

#[test]
fn one_revision_alone_cannot_have_less_than_everything() {
    let world = World::serving(1);
    let record = world.deployment("fast2flow");
    let refused = others_of(&world.memory, &record, None, Bps::new(500).unwrap()).unwrap_err();
    assert_eq!(refused.kind, deploy_spec::Kind::Refused);
    assert!(others_of(&world.memory, &record, None, Bps::new(10_000).unwrap()).unwrap().is_empty());
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn what_is_left_and_what_is_given_are_everything(a in 1u16..5_000, b in 1u16..4_000, share in 0u16..=10_000) {
        let given: u16 = others([a, b, 10_000 - a - b], share).iter().map(|(_, bps)| bps).sum();
        prop_assert_eq!(given + share, 10_000);
    }
}
