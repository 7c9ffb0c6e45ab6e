//! Whose cookies are believed: signed by a key of ours, for this deployment, in this life.

use dispatch::{CookieKeys, Why};

use crate::world::{Bits, Replica, Shop, deployment_id, keys};

fn serving(shop: &Shop, keys: CookieKeys) -> Replica {
    Replica { keys, ..shop.replica() }
}

#[test]
fn keys_can_be_rotated() {
    let shop = Shop::new(&[5_000, 5_000]);
    let mut bits = Bits(1);
    let (old, rotated, new) =
        (serving(&shop, keys(b"o")), serving(&shop, keys(b"no")), serving(&shop, keys(b"n")));
    let (revision, of_old) = old.first_visit(&mut bits);
    let seen = rotated.visit(Some(&of_old), &mut bits);
    assert_eq!((seen.revision, seen.why, seen.cookie), (revision, Why::Cookie, None));

    let (_, of_rotated) = rotated.first_visit(&mut bits);
    assert_eq!(new.visit(Some(&of_rotated), &mut bits).why, Why::Cookie, "the first key signs");
    for (replica, cookie) in [(&old, &of_rotated), (&new, &of_old)] {
        let seen = replica.visit(Some(cookie), &mut bits);
        assert_eq!(seen.why, Why::Drawn);
        assert!(seen.cookie.is_some());
    }
}

#[test]
fn without_keys_no_cookie_is_believed_and_none_is_given() {
    let shop = Shop::new(&[5_000, 5_000]);
    let mut bits = Bits(2);
    let (_, cookie) = shop.replica().first_visit(&mut bits);
    let seen = serving(&shop, keys(b"")).visit(Some(&cookie), &mut bits);
    assert_eq!((seen.why, seen.cookie), (Why::Drawn, None));
}

#[test]
fn a_cookie_of_another_environment_tenant_or_deployment_is_worth_nothing() {
    let shop = Shop::new(&[5_000, 5_000]);
    let strangers = [
        Shop { environment: "staging".parse().unwrap(), ..shop.clone() },
        Shop { tenant: Some("globex".parse().unwrap()), ..shop.clone() },
        Shop { tenant: None, ..shop.clone() },
        Shop { id: deployment_id(2), ..shop.clone() },
    ];
    let mut bits = Bits(3);
    for stranger in strangers {
        let (_, cookie) = stranger.replica().first_visit(&mut bits);
        let (_, value) = cookie.split_once('=').unwrap();
        let renamed = format!("gt_rev_{}={value}", shop.id);
        for cookie in [&cookie, &renamed] {
            let seen = shop.replica().visit(Some(cookie), &mut bits);
            assert_eq!(seen.why, Why::Drawn, "{stranger:?}");
            assert!(seen.cookie.is_some());
        }
    }
}

#[test]
fn of_several_cookies_the_first_valid_one_counts() {
    let shop = Shop::new(&[5_000, 5_000]);
    let replica = shop.replica();
    let mut bits = Bits(4);
    let mut of = |wanted| loop {
        let (revision, cookie) = replica.first_visit(&mut bits);
        if revision == wanted {
            break cookie;
        }
    };
    let (one, two, name) = (of(1), of(2), format!("gt_rev_{}", shop.id));
    let stranger = serving(&shop, keys(b"?")).first_visit(&mut bits).1;
    for (header, revision) in [
        (format!("{one}; {two}"), 1),
        (format!("{two};{one}"), 2),
        (format!("{stranger}; {name}=; {name}; {two}; {one}"), 2),
        (format!("{}; {two}", one.replacen('=', "2=", 1)), 2),
        (format!("x{one}; {}; \t{two} ; {one}", one.to_lowercase()), 2),
    ] {
        let seen = replica.visit(Some(&header), &mut bits);
        assert_eq!(
            (seen.revision, seen.why, seen.cookie),
            (revision, Why::Cookie, None),
            "{header}"
        );
    }
}

#[test]
fn only_the_first_few_cookies_of_our_name_are_looked_at() {
    let shop = Shop::new(&[5_000, 5_000]);
    let mut bits = Bits(5);
    let (_, cookie) = shop.replica().first_visit(&mut bits);
    let stranger = serving(&shop, keys(b"?")).first_visit(&mut bits).1;
    for (before, why) in [(7, Why::Cookie), (8, Why::Drawn)] {
        let header = format!("{}{cookie}", format!("{stranger}; ").repeat(before));
        assert_eq!(shop.replica().visit(Some(&header), &mut bits).why, why, "after {before}");
    }
}
