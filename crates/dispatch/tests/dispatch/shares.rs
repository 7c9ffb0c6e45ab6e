//! Each revision gets its share: no more, no less, however the draw comes about.

use deploy_spec::{SessionSource, WHOLE};
use dispatch::slot_of;

use crate::binomial::plausible;
use crate::world::{Bits, NOON, Shop, salt};

/// Draws of one test.
const DRAWS: u32 = 1_000_000;
/// Where every test's random bits begin.
const SEED: u64 = 0x6772_6565_6e74_6963;

const SPLITS: [&[u16]; 4] = [&[9_900, 100], &[5_000, 5_000], &[3_333, 3_333, 3_334], &[9_999, 1]];

/// How often each revision answers when `draw` picks it.
fn count(revisions: usize, mut draw: impl FnMut(&mut Bits) -> u64) -> Vec<u32> {
    let mut bits = Bits(SEED);
    let mut hits = vec![0; revisions];
    for _ in 0..DRAWS {
        hits[usize::try_from(draw(&mut bits)).unwrap() - 1] += 1;
    }
    hits
}

/// Whether a router whose revisions have these shares can hit like that.
fn fair(shares: &[u16], hits: &[u32]) -> bool {
    let share = |bps: u16| f64::from(bps) / f64::from(WHOLE);
    shares.iter().zip(hits).all(|(&bps, &hits)| plausible(hits, DRAWS, share(bps), shares.len()))
}

fn assert_fair(shares: &[u16], draw: impl FnMut(&mut Bits) -> u64) {
    let hits = count(shares.len(), draw);
    assert!(fair(shares, &hits), "{shares:?} bps gave {hits:?} of {DRAWS} (seed {SEED:#x})");
}

#[test]
fn requests_without_sessions_are_shared_as_declared() {
    for shares in SPLITS {
        let replica = Shop { session: SessionSource::None, ..Shop::new(shares) }.replica();
        assert_fair(shares, |bits| replica.visit(None, bits).revision);
    }
}

#[test]
fn new_sessions_are_shared_as_declared() {
    for shares in SPLITS {
        let replica = Shop::new(shares).replica();
        assert_fair(shares, |bits| replica.visit(None, bits).revision);
    }
}

#[test]
fn sessions_that_count_upwards_are_shared_as_declared() {
    for shares in SPLITS {
        let session = SessionSource::Header("x-user".into());
        let replica = Shop { session, ..Shop::new(shares) }.replica();
        let mut user = 0_u32;
        assert_fair(shares, |bits| {
            user += 1;
            let name = format!("user-{user}");
            let fresh = bits.session();
            let ask = dispatch::Ask {
                preview: None,
                forced: None,
                cookie: None,
                session_header: Some(name.as_bytes()),
                pin: None,
                now_s: NOON,
                fresh,
            };
            replica.answer(&ask).unwrap().revision
        });
    }
}

#[test]
fn shares_hold_however_often_the_slots_changed_hands() {
    let mut shops = vec![Shop::new(&[10_000, 0, 0])];
    for shares in [[9_900, 100, 0], [5_000, 3_000, 2_000], [1, 9_998, 1], [3_333, 3_333, 3_334]] {
        let next = shops.last().unwrap().turned(&shares, shops.iter().rev().nth(1));
        shops.push(next);
        let shop = Shop { session: SessionSource::None, ..shops.last().unwrap().clone() };
        let replica = shop.replica();
        assert_fair(&shares, |bits| replica.visit(None, bits).revision);
    }
}

#[test]
fn every_slot_is_drawn_equally_often() {
    let mut bits = Bits(SEED);
    let mut hits = vec![0_u32; WHOLE.into()];
    for _ in 0..DRAWS {
        hits[usize::from(slot_of(&bits.session().0, &salt(1)))] += 1;
    }
    let unfair = |&&hits: &&u32| !plausible(hits, DRAWS, 1.0 / f64::from(WHOLE), WHOLE.into());
    assert_eq!(hits.iter().find(unfair), None, "seed {SEED:#x}");
}

#[test]
fn routers_that_are_a_little_unfair_are_found_out() {
    // One that never tries the canary, which "990 ± 20 of 1 000" would pass.
    assert!(!fair(&[9_900, 100], &count(2, |_| 1)));
    assert!(!fair(&[9_999, 1], &count(2, |_| 1)));
    // One whose canary is off by 6 % of its share, to either side; a small one by more.
    for (shares, canary) in [([9_900, 100], 10_600), ([9_900, 100], 9_400), ([9_999, 1], 170)] {
        assert!(!fair(&shares, &[DRAWS - canary, canary]), "{canary} for {shares:?}");
    }
    // One that folds 16 random bits into slots by remainder: 5 536 slots come up more often.
    let folded = |bits: &mut Bits| u64::from((bits.next() & 0xffff) % 10_000 >= 5_000) + 1;
    assert!(!fair(&[5_000, 5_000], &count(2, folded)));
    // One whose slots run from 0 to 10 000.
    let long = |bits: &mut Bits| u64::from(bits.next() % 10_001 >= 9_999) + 1;
    assert!(!fair(&[9_999, 1], &count(2, long)));
}
