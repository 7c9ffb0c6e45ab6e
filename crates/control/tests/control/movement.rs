//! Minimal movement through `traffic set`: the fewest sessions move, and the salt is renewed only
//! when nobody can notice.

use control::traffic;
use deploy_spec::Allocation;
use proptest::prelude::*;
use serde_json::json;

use crate::rollback::shares;
use crate::world::{World, cases};

const NAMES: [&str; 4] = ["r1", "r2", "r3", "r4"];

fn turn(world: &mut World, shares: &[u16]) -> Allocation {
    let list: Vec<(&str, u16)> = NAMES.into_iter().zip(shares.iter().copied()).collect();
    world.turn(&list).unwrap();
    world.allocation()
}

fn moved(a: &Allocation, b: &Allocation) -> usize {
    a.slots.owners().zip(b.slots.owners()).filter(|(a, b)| a != b).count()
}

fn half_distance(a: &[u16], b: &[u16]) -> usize {
    a.iter().zip(b).map(|(a, b)| usize::from(a.abs_diff(*b))).sum::<usize>() / 2
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn each_turn_moves_the_fewest_slots_and_keeps_the_salt_of_a_rollout(
        turns in prop::collection::vec(shares(NAMES.len()), 2..8),
    ) {
        let mut world = World::serving(NAMES.len() as u64);
        let mut before = turn(&mut world, &turns[0]);
        let mut salts = vec![before.salt];
        for pair in turns.windows(2) {
            let after = turn(&mut world, &pair[1]);
            prop_assert_eq!(moved(&before, &after), half_distance(&pair[0], &pair[1]));
            if pair[0].contains(&10_000) {
                prop_assert!(!salts.contains(&after.salt), "a fresh cohort");
                salts.push(after.salt);
            } else {
                prop_assert_eq!(after.salt, before.salt, "nobody is moved twice");
            }
            before = after;
        }
    }

    #[test]
    fn setting_the_weights_before_sends_everybody_home_too(
        start in shares(NAMES.len()), home in shares(NAMES.len()), away in shares(NAMES.len()),
    ) {
        let mut world = World::serving(NAMES.len() as u64);
        turn(&mut world, &start);
        let before = turn(&mut world, &home);
        turn(&mut world, &away);
        let after = turn(&mut world, &home);
        prop_assert_eq!(moved(&before, &after), 0);
    }

    #[test]
    fn a_rollback_sends_everybody_home(turns in prop::collection::vec(shares(NAMES.len()), 2..6)) {
        let mut world = World::serving(NAMES.len() as u64);
        let path: Vec<Allocation> = turns.iter().map(|shares| turn(&mut world, shares)).collect();
        for home in path.iter().rev().skip(1) {
            world.ask::<traffic::Rollback>(json!({})).unwrap();
            prop_assert_eq!(&world.allocation(), home);
        }
    }
}

#[test]
fn a_canary_from_1_to_5_percent_moves_4_percent() {
    let mut world = World::serving(4);
    let sole = turn(&mut world, &[10_000, 0, 0, 0]);
    let one = turn(&mut world, &[9_900, 100, 0, 0]);
    let five = turn(&mut world, &[9_500, 500, 0, 0]);
    let back = turn(&mut world, &[9_900, 100, 0, 0]);
    assert_ne!(one.salt, sole.salt);
    assert_eq!((moved(&one, &five), five.salt), (400, one.salt));
    assert_eq!((moved(&one, &back), back.salt), (0, one.salt));
}

#[test]
fn the_first_split_and_the_first_after_a_clear_draw_a_salt() {
    let mut world = World::serving(4);
    let first = turn(&mut world, &[5_000, 5_000, 0, 0]);
    world.ask::<traffic::Clear>(json!({})).unwrap();
    let again = turn(&mut world, &[5_000, 5_000, 0, 0]);
    assert_ne!(first.salt, again.salt);
}
