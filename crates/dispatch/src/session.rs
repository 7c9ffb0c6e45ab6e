//! From a session to its slot.

use std::hash::Hasher as _;

use deploy_spec::{Salt, WHOLE};
use siphasher::sip::SipHasher24;

/// A session that we named ourselves: 128 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 16]);

/// The slot of a session, 0 to 9 999: SipHash-2-4 of its name under the rollout's salt, scaled.
/// Every replica finds the same one; nobody without the salt can tell which.
#[must_use]
pub fn slot_of(session: &[u8], salt: &Salt) -> u16 {
    let mut hash = SipHasher24::new_with_key(salt.bytes());
    hash.write(session);
    let scaled = (u128::from(hash.finish()) * u128::from(WHOLE)) >> 64;
    u16::try_from(scaled).unwrap_or(WHOLE - 1)
}
