//! Requests made to hurt: they get an answer, and cost no more than others.

use dispatch::{Asked, SessionId, Table, Why};
use proptest::prelude::*;

use crate::heap::taken;
use crate::world::{Bits, Shop, ask};

/// What giving a new cookie may take from the heap, in bytes.
const NEW_COOKIE: usize = 1_024;

fn headers(shop: &Shop) -> Vec<String> {
    let (name, text) = (format!("gt_rev_{}", shop.id), "A".repeat(82));
    vec![
        String::new(),
        "=".into(),
        ";".repeat(30_000),
        "=".repeat(30_000),
        "; ".repeat(15_000),
        "a=b; ".repeat(6_000),
        "a".repeat(10_000),
        "\u{0}\u{1}\u{7f}é\u{fffd}\u{10ffff}".repeat(1_000),
        format!("{name}={}", "A".repeat(10_000)),
        format!("{name}={}", "é".repeat(41)),
        format!("{name}={}", "\u{0}".repeat(82)),
        format!("{name}={text}; ").repeat(300),
        format!("{name}={text}{name}={text}"),
        format!("{name}; {name}=; ={name}; {name} = {text}; ").repeat(500),
        format!("{name}=\"{text}\"; {}", "\"".repeat(10_000)),
    ]
}

#[test]
fn hostile_cookie_headers_do_no_harm_and_take_no_memory() {
    let shop = Shop::new(&[5_000, 5_000]);
    let replica = shop.replica();
    let mut bits = Bits(1);
    let (revision, good) = replica.first_visit(&mut bits);
    for header in headers(&shop) {
        let (seen, bytes) = taken(|| replica.visit(Some(&header), &mut bits));
        let shown: String = header.chars().take(60).collect();
        assert_eq!(seen.why, Why::Drawn, "{shown}");
        assert!(seen.cookie.is_some() && bytes <= NEW_COOKIE, "{bytes} bytes for {shown}");

        let both = format!("{good}; {header}");
        let (seen, bytes) = taken(|| replica.visit(Some(&both), &mut bits));
        assert_eq!((seen.revision, seen.why, bytes), (revision, Why::Cookie, 0), "{shown}");
    }
}

#[test]
fn a_path_of_thousands_of_segments_is_found_as_quickly_as_another() {
    let table = Table::new([Shop::new(&[10_000]).build()]);
    let path = "/a".repeat(16_000);
    let asked = Asked { path: &path, ..Asked::default() };
    let begin = std::time::Instant::now();
    // Looking up each of the 16 000 prefixes reads 256 MB: that loop takes 15 seconds when built
    // for release.
    let found = (0..200).filter(|_| table.find(&asked).is_some()).count();
    assert_eq!(found, 200);
    assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_sent_somebody_answers(
        cookie in any::<Option<String>>(),
        value in any::<String>(),
        forced in any::<Option<String>>(),
        header in any::<Option<Vec<u8>>>(),
        fresh: [u8; 16],
        now_s in 0..u64::from(u32::MAX),
    ) {
        let shop = Shop::new(&[3_000, 7_000]);
        let cookie = cookie.map(|text| format!("{text}; gt_rev_{}={value}", shop.id));
        let ask = dispatch::Ask {
            preview: None,
            session_header: header.as_deref(),
            now_s,
            ..ask(cookie.as_deref(), SessionId(fresh))
        };
        prop_assert_eq!(shop.replica().answer(&ask).unwrap().why, Why::Drawn);
        let forced = forced.filter(|name| name != "r1" && name != "r2");
        if let Some(name) = &forced {
            let ask = dispatch::Ask { forced: Some(name), ..ask };
            prop_assert_eq!(shop.replica().answer(&ask), Err(dispatch::NoChoice::NoSuchRevision));
        }
    }
}
