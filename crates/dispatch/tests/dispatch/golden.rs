//! What travels between replicas of different versions, byte for byte.

use deploy_spec::{RevisionId, Salt, WHOLE};
use dispatch::{CookieKeys, Scope, SessionId, Sticky, slot_of};

/// Made by Python's `hmac` and `base64`, from the format's description alone.
const TEXT: &str =
    "ARAREhMUFRYXGBkaGxwdHh8BAgMEBQYHCAkKCwwNDg8QAAAAAAAAAAdrSdIAj2jTrck9A6BoJkRZvP_txg";

fn up(from: u8) -> [u8; 16] {
    std::array::from_fn(|i| from + u8::try_from(i).unwrap())
}

#[test]
fn a_cookie_is_written_and_read_as_described() {
    let key = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let keys = CookieKeys::new(&[key]);
    let deployment = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
    let scope = Scope::new(&"prod-eu".parse().unwrap(), Some(&"acme".parse().unwrap()), deployment);
    let sticky = Sticky {
        session: SessionId(up(16)),
        revision: RevisionId::from_bytes(up(1)),
        generation: 7,
        expires_s: 1_800_000_000,
    };
    assert_eq!(sticky.sign(&keys, &scope).unwrap(), TEXT);
    assert_eq!(Sticky::verify(TEXT, &keys, &scope, 1_799_999_999), Ok(sticky));
    assert_eq!(
        Sticky::verify(TEXT, &keys, &scope, 1_800_000_000),
        Err(dispatch::BadCookie::Expired)
    );
}

#[test]
fn a_slot_is_the_scaled_hash_of_the_session() {
    // SipHash-2-4 of 00…0e under 00…0f (Aumasson, Bernstein 2012, appendix A).
    let hash: u64 = 0xa129_ca61_49be_45e5;
    let slot = (u128::from(hash) * u128::from(WHOLE)) >> 64;
    assert_eq!(u128::from(slot_of(&up(0)[..15], &Salt::new(up(0)))), slot);
    assert_eq!(slot, 6_295);
}
