//! What the types of this module promise.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::document;
use crate::fault::Fault;
use crate::ulid_id::RevisionId;
use crate::weight::{Bps, WHOLE, Weight};

fn weights(canary: u16) -> Weights {
    let weight = |id, bps| Weight {
        revision_id: RevisionId::from_parts(1, id),
        weight_bps: Bps::new(bps).unwrap(),
    };
    Weights::new(vec![weight(1, WHOLE - canary), weight(2, canary)]).unwrap()
}

fn salt(byte: u8) -> Salt {
    Salt::new([byte; 16])
}

fn read(allocation: &Value) -> Result<Allocation, Fault> {
    document::from_json(&document::to_line(allocation))
}

#[test]
fn slots_that_disagree_with_the_weights_are_refused() {
    let good = json!(Allocation::first(weights(100), 0, salt(1)));
    read(&good).unwrap();
    let moved = |from: u16, to: u16| {
        let mut bad = good.clone();
        bad["slots"][0]["slots"] = from.into();
        bad["slots"][1]["slots"] = to.into();
        bad
    };
    let mut of_a_stranger = good.clone();
    of_a_stranger["slots"][1]["revision_id"] = json!(RevisionId::from_parts(1, 3));
    let mut swapped = good.clone();
    swapped["entries"] = json!(weights(9_900));
    let told: String = [moved(9_899, 101), moved(100, 9_900), of_a_stranger, swapped]
        .iter()
        .map(|bad| format!("{}\n", read(bad).unwrap_err()))
        .collect();
    insta::assert_snapshot!(told, @"
    invalid-input: the slots do not carry out the weights
    invalid-input: the slots do not carry out the weights
    invalid-input: the slots do not carry out the weights
    invalid-input: the slots do not carry out the weights
    ");
    read(&moved(9_900, 100)).unwrap();
}

#[test]
fn an_allocation_refuses_what_it_does_not_know() {
    let mut bad = json!(Allocation::first(weights(100), 0, salt(1)));
    bad["bogus"] = json!(1);
    assert!(read(&bad).unwrap_err().message.starts_with("unknown field `bogus`"));
}

#[test]
fn a_salt_is_32_hex_digits() {
    let salt = Salt::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
    assert_eq!(json!(salt), "000102030405060708090a0b0c0d0eff");
    assert_eq!(serde_json::from_value::<Salt>(json!(salt)).unwrap(), salt);
    let signed = format!("+{}", "0".repeat(31));
    for bad in ["", "00", &"0".repeat(33), &"g".repeat(32), &signed] {
        assert!(serde_json::from_value::<Salt>(json!(bad)).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn the_salt_is_renewed_exactly_when_one_revision_owned_everything(
        shares in prop::collection::vec(prop_oneof![Just(0), Just(WHOLE), 1..WHOLE], 2..6),
    ) {
        let mut now = Allocation::first(weights(shares[0]), 0, salt(0));
        let mut before: Option<Allocation> = None;
        for (i, &share) in (1_u8..).zip(&shares[1..]) {
            let sole = now.entries.sole_owner().is_some();
            let next = now.changed(weights(share), i.into(), before.as_ref(), salt(i));
            prop_assert_eq!(next.salt, if sole { salt(i) } else { now.salt });
            prop_assert_eq!(read(&json!(next)).unwrap(), next.clone());
            before = Some(std::mem::replace(&mut now, next));
        }
    }
}
