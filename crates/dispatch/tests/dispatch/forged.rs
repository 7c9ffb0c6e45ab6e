//! A cookie that we did not give is no cookie: its bearer is a stranger who gets a new one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use dispatch::{SessionId, Why};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::world::{Bits, NOON, Replica, Shop, ask, read};

/// A genuine cookie whose text shows which alphabet it is in.
fn genuine(replica: &Replica, bits: &mut Bits) -> String {
    std::iter::repeat_with(|| replica.first_visit(bits).1)
        .find(|cookie| value(cookie).contains(['-', '_']))
        .unwrap()
}

fn value(cookie: &str) -> &str {
    cookie.split_once('=').unwrap().1
}

/// `texts` are each answered as if nothing had been sent.
fn assert_strangers(shop: &Shop, texts: impl IntoIterator<Item = String>) {
    let replica = shop.replica();
    let mut bits = Bits(9);
    for text in texts {
        let fresh = bits.session();
        let header = format!("gt_rev_{}={text}", shop.id);
        let seen = replica.answer(&ask(Some(&header), fresh)).unwrap();
        assert_eq!(seen, replica.answer(&ask(None, fresh)).unwrap(), "{text:?} is believed");
        assert_eq!((seen.why, seen.revision), (Why::Drawn, shop.home(&fresh.0)));
        assert_eq!(read(&seen.cookie.unwrap(), shop).session, fresh);
    }
}

#[test]
fn a_cookie_with_any_bit_flipped_is_forged() {
    let shop = Shop::new(&[5_000, 5_000]);
    let cookie = genuine(&shop.replica(), &mut Bits(1));
    let bytes = URL_SAFE_NO_PAD.decode(value(&cookie)).unwrap();
    assert_eq!(bytes.len(), 61);
    let flip = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    let payloads = (0..61 * 8).map(|bit| URL_SAFE_NO_PAD.encode(flip(&bytes, bit)));
    assert_strangers(&shop, payloads);
    let text = value(&cookie).as_bytes();
    let texts = (0..text.len() * 8).filter_map(|bit| String::from_utf8(flip(text, bit)).ok());
    assert_strangers(&shop, texts);
}

#[test]
fn a_cookie_that_is_longer_shorter_or_spelled_otherwise_is_forged() {
    let shop = Shop::new(&[5_000, 5_000]);
    let cookie = genuine(&shop.replica(), &mut Bits(2));
    let text = value(&cookie);
    let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
    assert_strangers(&shop, (0..text.len()).map(|end| text[..end].to_owned()));
    assert_strangers(&shop, (1..text.len()).map(|start| text[start..].to_owned()));
    assert_strangers(&shop, (1..=61).map(|n| URL_SAFE_NO_PAD.encode(&bytes[n..])));
    let longer =
        ["A", "AA", "AAAA", "=", "==", "%3D", "\"", " A"].map(|end| format!("{text}{end}"));
    assert_strangers(&shop, longer);
    let more = (1..200).map(|n| URL_SAFE_NO_PAD.encode([&bytes[..], &vec![0; n]].concat()));
    assert_strangers(&shop, more);
    assert_strangers(&shop, [STANDARD_NO_PAD.encode(&bytes), format!("\"{text}\"")]);
    // The last character has four bits to spare; only one spelling of them is ours.
    let (head, last) = text.split_at(text.len() - 1);
    let others = (b'!'..=b'~').map(char::from).filter(|c| *c != ';' && !last.starts_with(*c));
    assert_strangers(&shop, others.map(|c| format!("{head}{c}")));
}

/// A cookie signed with the right key that says whatever the bytes say.
fn signed(shop: &Shop, scope: &str, payload: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&[b'k'; 32]).unwrap();
    mac.update(format!("gt_rev\n{scope}\n{}\n", shop.id).as_bytes());
    mac.update(payload);
    let tag = mac.finalize().into_bytes();
    URL_SAFE_NO_PAD.encode([payload, &tag[..16]].concat())
}

fn payload(version: u8, expires_s: u32) -> Vec<u8> {
    let revision = crate::world::revision_id(1).to_bytes();
    [&[version][..], &[7; 16], &revision, &[0; 8], &expires_s.to_be_bytes()].concat()
}

#[test]
fn our_own_signature_under_something_else_does_not_count() {
    let shop = Shop::new(&[5_000, 5_000]);
    let soon = u32::try_from(NOON + 86_400).unwrap();
    let good = signed(&shop, "prod\nacme", &payload(1, soon));
    let header = format!("gt_rev_{}={good}", shop.id);
    let seen = shop.replica().answer(&ask(Some(&header), SessionId([1; 16]))).unwrap();
    assert_eq!((seen.why, seen.revision), (Why::Cookie, 1), "else this test proves nothing");

    let versions = (0..=255).filter(|version| *version != 1);
    assert_strangers(&shop, versions.map(|v| signed(&shop, "prod\nacme", &payload(v, soon))));
    let past = [0, 1, soon - 86_400];
    assert_strangers(&shop, past.map(|at| signed(&shop, "prod\nacme", &payload(1, at))));
    let scopes = ["acme\nprod", "prod\n", "prod", "prodacme\n", "\nprodacme", "prod\nacme\n"];
    assert_strangers(&shop, scopes.map(|scope| signed(&shop, scope, &payload(1, soon))));
}

#[test]
fn a_signature_cut_short_is_no_signature() {
    let shop = Shop::new(&[5_000, 5_000]);
    let payload = payload(1, u32::MAX);
    let whole = URL_SAFE_NO_PAD.decode(signed(&shop, "prod\nacme", &payload)).unwrap();
    assert_strangers(
        &shop,
        (payload.len()..whole.len()).map(|end| URL_SAFE_NO_PAD.encode(&whole[..end])),
    );
    let zeros = |n| URL_SAFE_NO_PAD.encode([&payload[..], &vec![0; n]].concat());
    assert_strangers(&shop, (0..=16).map(zeros));
    // Nor is one whose missing end would have been zero.
    let ends_in_zero = |text: &String| URL_SAFE_NO_PAD.decode(text).unwrap().ends_with(&[0]);
    let good = (1..)
        .map(|before| signed(&shop, "prod\nacme", &self::payload(1, u32::MAX - before)))
        .find(ends_in_zero)
        .unwrap();
    assert_strangers(&shop, [good[..80].to_owned()]);
}
