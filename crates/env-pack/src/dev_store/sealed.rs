//! What stands in a sealed file: a version byte, a nonce, and the value under XChaCha20-Poly1305.
//!
//! The nonce is 24 random bytes, enough for them never to meet. The place of a value is
//! authenticated with it, so that no file opens in the place of another.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use deploy_spec::{EnvironmentId, Fault};

use super::key::{Key, joined, mac, random};
use crate::SecretBytes;

const VERSION: u8 = 1;
const NONCE: usize = 24;
const TAG: usize = 16;

/// The most bytes of a sealed file.
pub(super) const SEALED_MOST: usize = 1 + NONCE + SecretBytes::MOST + TAG;

/// The one place in which a sealed value opens.
pub(super) struct Place<'a> {
    pub(super) environment: &'a str,
    pub(super) path: &'a str,
    pub(super) value_ref: &'a str,
}

impl Place<'_> {
    fn associated(&self) -> impl AsRef<[u8]> {
        let texts = [self.environment, self.path, self.value_ref].map(str::as_bytes);
        joined(&[b"greentic.dev-store", &[VERSION], texts[0], texts[1], texts[2]])
    }
}

/// The bytes of the file that holds `value` in `place`.
pub(super) fn seal(key: &Key, place: &Place<'_>, value: &SecretBytes) -> Result<Vec<u8>, Fault> {
    let nonce = random::<NONCE>()?;
    let associated = place.associated();
    let payload = Payload { msg: value.expose(), aad: associated.as_ref() };
    let sealed = XChaCha20Poly1305::new(&(**key).into())
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| Fault::internal("a secret value could not be sealed"))?;
    Ok([&[VERSION], nonce.as_slice(), &sealed].concat())
}

/// The value that was sealed by this key in this place; `None` for anything else.
pub(super) fn open(key: &Key, place: &Place<'_>, bytes: &[u8]) -> Option<SecretBytes> {
    let (version, rest) = bytes.split_first()?;
    let (nonce, sealed) = rest.split_at_checked(NONCE)?;
    let nonce = <[u8; NONCE]>::try_from(nonce).ok().filter(|_| *version == VERSION)?;
    let associated = place.associated();
    let payload = Payload { msg: sealed, aad: associated.as_ref() };
    let value = XChaCha20Poly1305::new(&(**key).into()).decrypt(&XNonce::from(nonce), payload);
    SecretBytes::new(value.ok()?).ok()
}

/// The first 16 bytes of a keyed hash of a value and where it belongs, in hex.
pub(super) fn fingerprint(
    key: &Key,
    environment: &EnvironmentId,
    path: &str,
    value: &SecretBytes,
) -> String {
    let texts = [environment.as_str().as_bytes(), path.as_bytes(), value.expose()];
    mac(key, &texts)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
