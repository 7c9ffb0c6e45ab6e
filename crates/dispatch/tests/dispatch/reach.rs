//! What can be asked for, and when nobody answers.

use deploy_spec::{Bps, DeploymentLifecycle, Lifecycle, SessionSource, Shadow};
use dispatch::{Ask, LIFETIME_S, NoChoice, Why};

use crate::world::{Bits, NOON, Seen, Shop, ask, revision_id};

fn force(shop: &Shop, name: &str) -> Result<Seen, NoChoice> {
    let fresh = Bits(1).session();
    shop.replica().answer(&Ask { forced: Some(name), ..ask(None, fresh) })
}

#[test]
fn a_trusted_peer_gets_the_ready_revision_it_asks_for() {
    let mut shop = Shop::new(&[10_000, 0]);
    shop.revisions.push((12, Lifecycle::Ready));
    shop.revisions.push((13, Lifecycle::Draining));
    for session in [SessionSource::Cookie, SessionSource::None, SessionSource::Header("x".into())] {
        let shop = Shop { session, ..shop.clone() };
        for sequence in [1, 2, 12] {
            for name in [format!("r{sequence}"), revision_id(sequence).to_string()] {
                let seen = Seen { revision: sequence, why: Why::Forced, cookie: None, pin: None };
                assert_eq!(force(&shop, &name), Ok(seen), "{name}");
            }
        }
    }
    let other = |name: &str| name.to_owned();
    let draining = [other("r13"), revision_id(13).to_string()];
    let unknown = [other("r3"), other("r0"), revision_id(3).to_string()];
    let mistyped =
        ["", "r", "r-1", "r+1", "r 1", "1", "R1", "r1 ", "r1,r2", "r1.0", "r18446744073709551617"]
            .map(other);
    for name in draining.iter().chain(&unknown).chain(&mistyped) {
        assert_eq!(force(&shop, name), Err(NoChoice::NoSuchRevision), "{name}");
    }
    let lower = revision_id(1).to_string().to_lowercase();
    assert_eq!(force(&shop, &lower), Err(NoChoice::NoSuchRevision));
}

#[test]
fn a_tag_stands_for_its_revision_while_that_is_ready() {
    let mut shop = Shop::new(&[10_000, 0]);
    shop.revisions.push((13, Lifecycle::Draining));
    for (tag, sequence) in [("stable", 2), ("leaving", 13), ("gone", 14)] {
        shop.tags.insert(tag.parse().unwrap(), revision_id(sequence));
    }
    let seen = Seen { revision: 2, why: Why::Forced, cookie: None, pin: None };
    assert_eq!(force(&shop, "stable"), Ok(seen));
    for name in ["leaving", "gone", "other", "Stable", "stable "] {
        assert_eq!(force(&shop, name), Err(NoChoice::NoSuchRevision), "{name}");
    }
}

#[test]
fn only_a_ready_revision_is_compared() {
    let mut shop = Shop::new(&[10_000, 0]);
    shop.revisions.push((13, Lifecycle::Draining));
    for (sequence, wanted) in [(2, Some(2)), (13, None), (14, None)] {
        let revision_id = revision_id(sequence);
        let share_bps = Bps::new(100).unwrap();
        shop.shadow = Some(Shadow { revision_id, share_bps, ignore_headers: [].into() });
        let deployment = shop.build();
        assert_eq!(deployment.shadow().map(|(_, live)| live.sequence), wanted);
    }
}

#[test]
fn a_shadow_is_cast_on_its_share_of_what_others_answer() {
    let mut shop = Shop::new(&[5_000, 5_000]);
    let share_bps = Bps::new(250).unwrap();
    shop.shadow =
        Some(Shadow { revision_id: revision_id(2), share_bps, ignore_headers: [].into() });
    let deployment = shop.build();
    let is_cast = |answers, roll| deployment.shadow_of(revision_id(answers), roll).is_some();
    let rolls = [0, 249, 250, 9_999, 10_000, 10_249, 10_250, u32::MAX];
    let cast = rolls.map(|roll| is_cast(1, roll));
    assert_eq!(cast, [true, true, false, false, true, true, false, false]);
    assert!(rolls.iter().all(|&roll| !is_cast(2, roll)));
}

#[test]
fn what_is_forced_leaves_the_session_alone() {
    let shop = Shop::new(&[10_000, 0]);
    let replica = shop.replica();
    let mut bits = Bits(2);
    let (_, cookie) = replica.first_visit(&mut bits);
    let late = NOON + LIFETIME_S - 1;
    let ask = Ask { forced: Some("r2"), now_s: late, ..ask(Some(&cookie), bits.session()) };
    let seen = replica.answer(&ask).unwrap();
    assert_eq!(seen, Seen { revision: 2, why: Why::Forced, cookie: None, pin: None });
    assert_eq!(replica.visit(Some(&cookie), &mut bits).revision, 1);
}

#[test]
fn only_ready_revisions_can_be_asked_for() {
    use Lifecycle::{Archived, Draining, Failed, Inactive, Ready, Staged, Warming};
    for lifecycle in [Archived, Draining, Failed, Inactive, Ready, Staged, Warming] {
        let mut shop = Shop::new(&[10_000]);
        shop.revisions.push((2, lifecycle));
        assert_eq!(force(&shop, "r2").is_ok(), lifecycle == Ready, "{lifecycle:?}");
    }
}

#[test]
fn a_deployment_that_is_paused_or_retired_answers_nobody() {
    for lifecycle in [DeploymentLifecycle::Paused, DeploymentLifecycle::Retired] {
        let shop = Shop::new(&[10_000]);
        let (_, cookie) = shop.replica().first_visit(&mut Bits(3));
        let shop = Shop { lifecycle, ..shop };
        let fresh = Bits(4).session();
        for ask in [
            ask(None, fresh),
            ask(Some(&cookie), fresh),
            Ask { forced: Some("r1"), ..ask(None, fresh) },
        ] {
            assert_eq!(shop.replica().answer(&ask), Err(NoChoice::Paused));
        }
        assert_eq!(shop.build().split_generation(), Some(0), "it keeps everything it has");
    }
}

#[test]
fn pausing_and_resuming_moves_nobody() {
    let shop = Shop::new(&[5_000, 5_000]);
    let mut bits = Bits(5);
    let (revision, cookie) = shop.replica().first_visit(&mut bits);
    let table = shop.replica().table;
    let paused = Shop { lifecycle: DeploymentLifecycle::Paused, ..shop.clone() }.build();
    let table = table.with(vec![(shop.id, Some(paused))]).with(vec![(shop.id, Some(shop.build()))]);
    let replica = crate::world::Replica { table, ..shop.replica() };
    assert_eq!(replica.visit(Some(&cookie), &mut bits).revision, revision);
}

#[test]
fn off_the_air_only_those_who_force_a_revision_reach_it() {
    let shop = Shop::new(&[10_000]);
    let (_, cookie) = shop.replica().first_visit(&mut Bits(6));
    let shop = Shop { split: None, ..shop };
    let fresh = Bits(7).session();
    for cookie in [None, Some(cookie.as_str())] {
        assert_eq!(shop.replica().answer(&ask(cookie, fresh)), Err(NoChoice::OffTheAir));
    }
    assert_eq!(force(&shop, "r1").map(|seen| seen.revision), Ok(1));
    assert_eq!(shop.build().split_generation(), None);
}

#[test]
fn a_slot_whose_owner_cannot_be_reached_is_said_to_be_so() {
    let shop = Shop { revisions: Vec::new(), ..Shop::new(&[10_000]) };
    let answer = shop.replica().answer(&ask(None, Bits(8).session()));
    assert_eq!(answer, Err(NoChoice::NoSuchRevision));
}

#[test]
fn a_deployment_shows_what_it_was_made_of() {
    let mut shop = Shop::new(&[5_000, 5_000]);
    shop.revisions.reverse();
    let deployment = shop.turned(&[1, 9_999], None).build();
    let seen: Vec<(u64, u64)> =
        deployment.revisions().iter().map(|live| (live.sequence, live.backend)).collect();
    assert_eq!(seen, [(1, 1), (2, 2)], "by id");
    assert_eq!((deployment.id(), deployment.split_generation()), (shop.id, Some(1)));
    assert_eq!(deployment.session(), &SessionSource::Cookie);
}
