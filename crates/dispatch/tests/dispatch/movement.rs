//! Sessions move when their slots do, and at no other time.

use deploy_spec::{Lifecycle, SessionSource};
use dispatch::{Ask, LIFETIME_S, Why, slot_of};

use crate::binomial::plausible;
use crate::world::{Bits, NOON, Replica, Shop, ask, read};

const SESSIONS: u32 = 20_000;
const SEED: u64 = 0x7374_6963_6b79;

/// Someone who keeps cookies.
struct Browser {
    cookie: String,
    revision: u64,
}

impl Browser {
    /// Visits, keeps the cookie if one is given, and says why this revision answered.
    fn visit(&mut self, replica: &Replica, bits: &mut Bits) -> Why {
        let seen = replica.visit(Some(&self.cookie), bits);
        self.cookie = seen.cookie.unwrap_or_else(|| self.cookie.clone());
        self.revision = seen.revision;
        seen.why
    }
}

fn browsers(replica: &Replica, bits: &mut Bits) -> Vec<Browser> {
    let new = |_| {
        let (revision, cookie) = replica.first_visit(bits);
        Browser { cookie, revision }
    };
    (0..SESSIONS).map(new).collect()
}

fn revisions(browsers: &[Browser]) -> Vec<u64> {
    browsers.iter().map(|browser| browser.revision).collect()
}

#[test]
fn raising_a_canary_moves_the_sessions_whose_slots_moved_and_rollback_returns_them() {
    let stable = Shop::new(&[10_000, 0]);
    let one = stable.turned(&[9_900, 100], None);
    let five = one.turned(&[9_500, 500], Some(&stable));
    let home = five.rolled_back(&one);
    let mut bits = Bits(SEED);
    let mut browsers = browsers(&one.replica(), &mut bits);
    let at_one = revisions(&browsers);

    let replica = five.replica();
    for browser in &mut browsers {
        let session = read(&browser.cookie, &one).session;
        assert_eq!(browser.visit(&replica, &mut bits), Why::Slot);
        assert_eq!(browser.revision, five.home(&session.0));
        let told = read(&browser.cookie, &five);
        assert_eq!((told.session, told.generation), (session, 2));
    }
    let at_five = revisions(&browsers);
    let moves = || at_one.iter().zip(&at_five).filter(|(before, after)| before != after);
    assert!(moves().all(|(&before, &after)| (before, after) == (1, 2)), "nobody flaps back");
    let moved = u32::try_from(moves().count()).unwrap();
    assert!(plausible(moved, SESSIONS, 0.04, 1), "{moved} of {SESSIONS} moved (seed {SEED:#x})");

    // A replica that still has the old split, and another that has the new one: nobody moves.
    for replica in [one.replica(), five.replica()] {
        for browser in &mut browsers {
            assert_eq!(browser.visit(&replica, &mut bits), Why::Cookie);
        }
        assert_eq!(revisions(&browsers), at_five);
    }

    let replica = home.replica();
    browsers
        .iter_mut()
        .for_each(|browser| assert_eq!(browser.visit(&replica, &mut bits), Why::Slot));
    assert_eq!(revisions(&browsers), at_one, "rollback returns everyone");
}

#[test]
fn a_cookie_is_believed_by_every_replica_of_the_same_split() {
    let shop = Shop::new(&[5_000, 5_000]);
    let (here, there) = (shop.replica(), shop.replica());
    let mut bits = Bits(SEED);
    for _ in 0..200 {
        let (revision, cookie) = here.first_visit(&mut bits);
        let others = format!("a=b; {cookie}; theme=dark");
        let seen = there.visit(Some(&others), &mut bits);
        assert_eq!((seen.revision, seen.why, seen.cookie), (revision, Why::Cookie, None));
    }
}

#[test]
fn a_cookie_of_the_same_split_counts_even_where_the_slot_says_otherwise() {
    let shop = Shop::new(&[5_000, 5_000]);
    let mut bits = Bits(SEED);
    let mut sticky = read(&shop.replica().first_visit(&mut bits).1, &shop);
    let other = 3 - shop.home(&sticky.session.0);
    sticky.revision = crate::world::revision_id(other);
    let cookie = cookie(&sticky, &shop);
    assert_eq!(shop.replica().visit(Some(&cookie), &mut bits).revision, other);
}

/// What `sticky` is as a cookie of `shop`.
fn cookie(sticky: &dispatch::Sticky, shop: &Shop) -> String {
    format!("gt_rev_{}={}", shop.id, sticky.sign(&crate::world::keys(b"k"), &shop.scope()).unwrap())
}

#[test]
fn a_replica_that_lags_sends_to_the_slot_s_owner_what_it_cannot_reach() {
    let old = Shop::new(&[10_000]);
    let both =
        Shop { revisions: vec![(1, Lifecycle::Ready), (2, Lifecycle::Ready)], ..old.clone() };
    let new = both.turned(&[0, 10_000], None);
    let mut bits = Bits(SEED);
    let (revision, cookie) = new.replica().first_visit(&mut bits);
    assert_eq!(revision, 2);
    let session = read(&cookie, &new).session;

    let knows = both.replica().visit(Some(&cookie), &mut bits);
    assert_eq!((knows.revision, knows.why, knows.cookie), (2, Why::Cookie, None));

    let now_s = NOON + LIFETIME_S - 1;
    let late = both.replica().answer(&Ask { now_s, ..ask(Some(&cookie), bits.session()) }).unwrap();
    assert_eq!((late.revision, late.cookie), (2, None), "the older split renews nothing");

    let drains =
        Shop { revisions: vec![(1, Lifecycle::Ready), (2, Lifecycle::Draining)], ..old.clone() };
    for shop in [old, drains] {
        let seen = shop.replica().visit(Some(&cookie), &mut bits);
        assert_eq!((seen.revision, seen.why), (1, Why::Slot));
        let told = read(&seen.cookie.unwrap(), &shop);
        assert_eq!((told.session, told.generation), (session, 0));
    }
}

#[test]
fn a_session_that_the_client_names_sticks_to_its_slot() {
    let session = SessionSource::Header("x-user".into());
    let one = Shop { session, ..Shop::new(&[9_000, 1_000]) };
    let two = one.turned(&[5_000, 5_000], None);
    let mut bits = Bits(SEED);
    for user in 0..500 {
        let name = format!("user-{user}");
        for shop in [&one, &two, &one] {
            let ask = Ask { session_header: Some(name.as_bytes()), ..ask(None, bits.session()) };
            let seen = shop.replica().answer(&ask).unwrap();
            let home = shop.home(name.as_bytes());
            assert_eq!((seen.revision, seen.why, seen.cookie), (home, Why::Slot, None));
        }
    }
}

#[test]
fn clients_that_name_no_session_do_not_all_share_one() {
    let session = SessionSource::Header("x-user".into());
    let replica = Shop { session, ..Shop::new(&[5_000, 5_000]) }.replica();
    let mut bits = Bits(SEED);
    for name in [None, Some(&b""[..])] {
        let mut hits = 0;
        for _ in 0..1_000 {
            let seen =
                replica.answer(&Ask { session_header: name, ..ask(None, bits.session()) }).unwrap();
            assert_eq!((seen.why, seen.cookie), (Why::Drawn, None));
            hits += u32::from(seen.revision == 1);
        }
        assert!(plausible(hits, 1_000, 0.5, 2), "{hits} of 1000 for {name:?}");
    }
}

#[test]
fn without_sessions_every_request_draws_and_no_cookie_is_read_or_given() {
    let shop = Shop::new(&[5_000, 5_000]);
    let mut bits = Bits(SEED);
    let (_, cookie) = shop.replica().first_visit(&mut bits);
    let replica = Shop { session: SessionSource::None, ..shop }.replica();
    for _ in 0..100 {
        let fresh = bits.session();
        let ask = Ask { session_header: Some(b"me"), ..ask(Some(&cookie), fresh) };
        let seen = replica.answer(&ask).unwrap();
        let slot = slot_of(&fresh.0, &crate::world::salt(0));
        assert_eq!(
            (seen.revision, seen.why, seen.cookie),
            (u64::from(slot / 5_000) + 1, Why::Drawn, None)
        );
    }
}

#[test]
fn a_cookie_is_renewed_when_half_its_life_is_over_and_ends_with_its_life() {
    let shop = Shop::new(&[5_000, 5_000]);
    let replica = shop.replica();
    let mut bits = Bits(SEED);
    let (revision, cookie) = replica.first_visit(&mut bits);
    let first = read(&cookie, &shop);
    assert_eq!(first.expires_s, NOON + LIFETIME_S);
    let mut at =
        |now_s| replica.answer(&Ask { now_s, ..ask(Some(&cookie), bits.session()) }).unwrap();

    let half = at(NOON + LIFETIME_S / 2);
    assert_eq!((half.revision, half.why, half.cookie), (revision, Why::Cookie, None));
    for now_s in [NOON + LIFETIME_S / 2 + 1, NOON + LIFETIME_S - 1] {
        let late = at(now_s);
        assert_eq!((late.revision, late.why), (revision, Why::Cookie));
        let renewed = read(&late.cookie.unwrap(), &shop);
        assert_eq!(renewed, dispatch::Sticky { expires_s: now_s + LIFETIME_S, ..first });
    }
    for now_s in [NOON + LIFETIME_S, NOON + LIFETIME_S + 1, u64::from(u32::MAX)] {
        let over = at(now_s);
        assert_eq!(over.why, Why::Drawn);
        assert!(over.cookie.is_some());
    }
}
