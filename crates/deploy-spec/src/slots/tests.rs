//! What the types of this module promise.

use proptest::prelude::*;

use super::*;
use crate::weight::{Bps, Weight};

fn weights(shares: &[(u128, u16)]) -> Weights {
    let entry = |&(id, bps): &(u128, u16)| Weight {
        revision_id: RevisionId::from_parts(1, id),
        weight_bps: Bps::new(bps).unwrap(),
    };
    Weights::new(shares.iter().map(entry).collect()).unwrap()
}

/// Shares of up to five revisions, some of them 0, that sum to the whole.
fn any_weights() -> impl Strategy<Value = Weights> {
    (prop::collection::vec(0..=WHOLE, 0..5), any::<u64>()).prop_map(|(mut cuts, seed)| {
        cuts.sort_unstable();
        let mut shares: Vec<u16> = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([WHOLE]) {
            shares.push(cut - from);
            from = cut;
        }
        let turn = seed as usize % shares.len();
        shares.rotate_left(turn);
        let list: Vec<(u128, u16)> = (0..).zip(shares).collect();
        weights(&list)
    })
}

fn differing(a: &Slots, b: &Slots) -> usize {
    a.owners().zip(b.owners()).filter(|(a, b)| a != b).count()
}

fn half_of_absolute_differences(a: &Weights, b: &Weights) -> usize {
    let ids: std::collections::BTreeSet<_> =
        a.entries().iter().chain(b.entries()).map(|e| e.revision_id).collect();
    let sum: usize =
        ids.into_iter().map(|id| usize::from(a.of(id).get().abs_diff(b.of(id).get()))).sum();
    sum / 2
}

proptest! {
    #[test]
    fn the_fewest_slots_move_and_going_back_goes_home(
        start in any_weights(), a in any_weights(), b in any_weights(),
    ) {
        let zero = Slots::first(&start, 0);
        let one = zero.moved(&a, 1, None);
        let two = one.moved(&b, 2, Some(&zero));
        prop_assert!(one.agree_with(&a) && two.agree_with(&b));
        prop_assert_eq!(differing(&one, &two), half_of_absolute_differences(&a, &b));
        let back = two.moved(&a, 3, Some(&one));
        prop_assert_eq!(differing(&one, &back), 0);
    }

    #[test]
    fn a_canary_grown_and_shrunk_in_steps_keeps_who_came_first(
        mut steps in prop::collection::vec(1u16..WHOLE, 1..6),
    ) {
        steps.sort_unstable();
        steps.dedup();
        let canary = RevisionId::from_parts(1, 1);
        let mut up = vec![Slots::first(&weights(&[(0, WHOLE)]), 0)];
        let split = |bps: u16| weights(&[(0, WHOLE - bps), (1, bps)]);
        for (i, &bps) in steps.iter().enumerate() {
            let before = i.checked_sub(1).map(|j| &up[j]);
            up.push(up[i].moved(&split(bps), i as u64 + 1, before));
        }
        let mut generation = steps.len() as u64;
        let mut now = up.last().unwrap().clone();
        let mut before = up[up.len() - 2].clone();
        for i in (1..steps.len()).rev() {
            generation += 1;
            let next = now.moved(&split(steps[i - 1]), generation, Some(&before));
            before = now;
            now = next;
            let seen: Vec<bool> = now.owners().map(|owner| owner == canary).collect();
            let then: Vec<bool> = up[i].owners().map(|owner| owner == canary).collect();
            prop_assert_eq!(seen, then);
        }
    }

    #[test]
    fn slots_survive_json(a in any_weights(), b in any_weights()) {
        let slots = Slots::first(&a, 0).moved(&b, 1, None);
        let json = serde_json::to_string(&slots).unwrap();
        prop_assert_eq!(serde_json::from_str::<Slots>(&json).unwrap(), slots);
    }
}

#[test]
fn raising_a_canary_moves_only_the_difference() {
    let one =
        Slots::first(&weights(&[(0, WHOLE)]), 0).moved(&weights(&[(0, 9_900), (1, 100)]), 1, None);
    let five = one.moved(&weights(&[(0, 9_500), (1, 500)]), 2, None);
    assert_eq!(differing(&one, &five), 400);
}

#[test]
fn slots_that_do_not_cover_everything_are_refused() {
    let id = RevisionId::from_parts(1, 1);
    for runs in [vec![], vec![9_999], vec![10_000, 1], vec![10_000, 0]] {
        let runs: Vec<Run> =
            runs.into_iter().map(|slots| Run { revision_id: id, slots, since: 0 }).collect();
        let json = serde_json::to_value(runs).unwrap();
        assert!(serde_json::from_value::<Slots>(json).is_err());
    }
}
