//! Sealing values for keeping: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) under a random key.
//!
//! A sealed value is a version byte, the nonce (24 bytes), the ciphertext and its tag. What it is
//! the value of is authenticated with it and not in it, so that two sealed values cannot change
//! places.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use deploy_spec::{EnvironmentId, Fault, SecretPath};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secret_bytes::SecretBytes;

const VERSION: u8 = 1;
/// Random bits that are used once.
pub type Nonce = [u8; 24];
const NONCE: usize = size_of::<Nonce>();
/// How many bytes of the keyed hash are a fingerprint.
const FINGERPRINT: usize = 16;

/// Seals and opens the values of one environment.
pub struct Sealer {
    environment: EnvironmentId,
    cipher: XChaCha20Poly1305,
    fingerprints: Hmac<Sha256>,
}

impl Sealer {
    /// A sealer under this key.
    ///
    /// # Errors
    /// `refused` when the key has not 32 bytes.
    pub fn new(environment: EnvironmentId, key: &[u8]) -> Result<Self, Fault> {
        let wrong = || Fault::refused(format!("the sealing key has {} bytes, not 32", key.len()));
        let cipher = XChaCha20Poly1305::new_from_slice(key).map_err(|_| wrong())?;
        // The key of the fingerprints is derived, so that one never stands for the other.
        let derived = Zeroizing::new(mac(key, b"greentic.secret-fingerprint.v1")?);
        let fingerprints = new_mac(derived.as_slice())?;
        Ok(Self { environment, cipher, fingerprints })
    }

    /// Seals a value of `path`, to be kept under the name `value_ref`.
    ///
    /// # Errors
    /// `internal` when the cipher refuses, which it does for no length that a secret may have.
    pub fn seal(
        &self,
        path: &SecretPath,
        value_ref: &str,
        value: &SecretBytes,
        nonce: Nonce,
    ) -> Result<Vec<u8>, Fault> {
        let context = self.context(path, value_ref);
        let payload = Payload { msg: value.reveal(), aad: &context };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| Fault::internal("a secret could not be sealed"))?;
        Ok([&[VERSION][..], &nonce, &sealed].concat())
    }

    /// Opens what was sealed for `path` under the name `value_ref`.
    ///
    /// # Errors
    /// `refused` when it was changed, cut off, swapped with another, or sealed under another key.
    pub fn open(
        &self,
        path: &SecretPath,
        value_ref: &str,
        sealed: &[u8],
    ) -> Result<SecretBytes, Fault> {
        let wrong = || {
            Fault::refused(format!(
                "the sealed value of `{path}` cannot be opened: it was changed, or sealed under \
                 another key"
            ))
            .hint(format!("gtc op secrets put {path}"))
        };
        let (&version, rest) = sealed.split_first().ok_or_else(wrong)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE).ok_or_else(wrong)?;
        let nonce: Nonce = nonce.try_into().map_err(|_| wrong())?;
        if version != VERSION {
            return Err(wrong());
        }
        let context = self.context(path, value_ref);
        let payload = Payload { msg: ciphertext, aad: &context };
        let value = self.cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| wrong())?;
        SecretBytes::new(value)
    }

    /// What two equal values of one path have in common, and nobody can compute without the key.
    #[must_use]
    pub fn fingerprint(&self, path: &SecretPath, value: &SecretBytes) -> String {
        let mut mac = self.fingerprints.clone();
        mac.update(&self.context(path, ""));
        mac.update(value.reveal());
        let hash = mac.finalize().into_bytes();
        hash.iter().take(FINGERPRINT).map(|byte| format!("{byte:02x}")).collect()
    }

    /// None of the three can hold a line break, so no other three read the same.
    fn context(&self, path: &SecretPath, value_ref: &str) -> Vec<u8> {
        format!("greentic.secret.v1\n{}\n{path}\n{value_ref}\n", self.environment).into_bytes()
    }
}

fn new_mac(key: &[u8]) -> Result<Hmac<Sha256>, Fault> {
    Hmac::new_from_slice(key).map_err(|_| Fault::internal("a key of no length"))
}

fn mac(key: &[u8], message: &[u8]) -> Result<[u8; 32], Fault> {
    let mut mac = new_mac(key)?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealer(environment: &str, key: u8) -> Sealer {
        Sealer::new(environment.parse().unwrap(), &[key; 32]).unwrap()
    }

    fn path(text: &str) -> SecretPath {
        text.parse().unwrap()
    }

    fn secret(text: &[u8]) -> SecretBytes {
        SecretBytes::new(text.to_vec()).unwrap()
    }

    #[test]
    fn a_value_opens_where_it_was_sealed_and_nowhere_else() {
        let here = sealer("local", 1);
        let sealed = here.seal(&path("a/key"), "ref-1", &secret(b"hunter2"), [9; 24]).unwrap();
        assert_eq!(here.open(&path("a/key"), "ref-1", &sealed).unwrap().reveal(), b"hunter2");
        for (sealer, path, value_ref) in [
            (&here, path("b/key"), "ref-1"),
            (&here, path("a/key"), "ref-2"),
            (&sealer("prod", 1), path("a/key"), "ref-1"),
            (&sealer("local", 2), path("a/key"), "ref-1"),
        ] {
            let refused = sealer.open(&path, value_ref, &sealed).unwrap_err();
            assert_eq!(refused.kind, deploy_spec::Kind::Refused);
            assert!(!refused.message.contains("hunter2"));
        }
    }

    #[test]
    fn a_fingerprint_is_of_the_key_the_place_and_the_value() {
        let here = sealer("local", 1);
        let print = here.fingerprint(&path("a"), &secret(b"x"));
        assert_eq!(print, here.fingerprint(&path("a"), &secret(b"x")));
        assert_eq!(print.len(), 32);
        for other in [
            here.fingerprint(&path("b"), &secret(b"x")),
            here.fingerprint(&path("a"), &secret(b"y")),
            sealer("local", 2).fingerprint(&path("a"), &secret(b"x")),
            sealer("prod", 1).fingerprint(&path("a"), &secret(b"x")),
        ] {
            assert_ne!(print, other);
        }
    }

    #[test]
    fn a_key_has_32_bytes() {
        assert!(Sealer::new("local".parse().unwrap(), &[1; 31]).is_err());
        assert!(Sealer::new("local".parse().unwrap(), b"").is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_changed_is_noticed(
            value in prop::collection::vec(any::<u8>(), 1..200),
            at in any::<prop::sample::Index>(),
            flip in 1..=255u8,
            cut in any::<prop::sample::Index>(),
        ) {
            let here = sealer("local", 7);
            let sealed = here.seal(&path("a"), "r", &secret(&value), [3; 24]).unwrap();
            let opened = here.open(&path("a"), "r", &sealed).unwrap();
            prop_assert_eq!(opened.reveal(), &value[..]);
            let mut changed = sealed.clone();
            changed[at.index(sealed.len())] ^= flip;
            prop_assert!(here.open(&path("a"), "r", &changed).is_err());
            prop_assert!(here.open(&path("a"), "r", &sealed[..cut.index(sealed.len())]).is_err());
        }
    }
}
