//! The keys that sign. The private half never appears in a message, a log or a debug print.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deploy_spec::{Digest, Fault, TrustedKey};
use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
    KeypairBytes,
};

/// An ed25519 private key (RFC 8032). It is wiped from memory when it is dropped.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new key from the operating system's random numbers.
    ///
    /// # Errors
    /// `unavailable` when the system has none.
    pub fn create() -> Result<Self, Fault> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| {
            Fault::unavailable(format!("cannot make a signing key, no random numbers: {error}"))
        })?;
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        seed.fill(0);
        Ok(Self(key))
    }

    /// Reads a key from PKCS#8 PEM (RFC 5958, RFC 8410), as `openssl genpkey` writes.
    ///
    /// # Errors
    /// `invalid-input` when it is not an ed25519 private key; what it holds is not shown.
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, Fault> {
        ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map(Self).map_err(|_| {
            Fault::invalid("the signing key is not an ed25519 private key in PKCS#8 PEM")
                .hint("make one with `openssl genpkey -algorithm ed25519`")
        })
    }

    /// Writes the key as PKCS#8 PEM. The caller keeps the text secret.
    ///
    /// # Errors
    /// `internal` only.
    pub fn to_pkcs8_pem(&self) -> Result<String, Fault> {
        // Version 1, without the public half: OpenSSL and most others read no version 2.
        let pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        match pair.to_pkcs8_pem(LineEnding::LF) {
            Ok(pem) => Ok(pem.as_str().to_owned()),
            Err(error) => Err(Fault::internal(format!("cannot write a signing key: {error}"))),
        }
    }

    /// Writes the public key as PEM (RFC 8410).
    ///
    /// # Errors
    /// `internal` only.
    pub fn public_key_to_pem(&self) -> Result<String, Fault> {
        let pem = self.0.verifying_key().to_public_key_pem(LineEnding::LF);
        pem.map_err(|error| Fault::internal(format!("cannot write a public key: {error}")))
    }

    /// The public key: 32 raw bytes.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// SHA-256 of the raw public key, in hex.
    #[must_use]
    pub fn key_id(&self) -> String {
        key_id(&self.public_key())
    }

    /// What an environment records to accept this key's signatures.
    #[must_use]
    pub fn trusted(&self) -> TrustedKey {
        trusted(&self.public_key())
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.key_id())
    }
}

fn trusted(public_key: &[u8; 32]) -> TrustedKey {
    TrustedKey {
        key_id: key_id(public_key),
        public_key: STANDARD.encode(public_key),
        ..TrustedKey::default()
    }
}

/// Reads a public key from PEM (RFC 8410), as `openssl pkey -pubout` writes.
///
/// # Errors
/// `invalid-input` when it is not an ed25519 public key.
pub fn public_key_from_pem(pem: &str) -> Result<TrustedKey, Fault> {
    let key = ed25519_dalek::VerifyingKey::from_public_key_pem(pem).map_err(|_| {
        Fault::invalid("the file holds no ed25519 public key in PEM")
            .hint("`openssl pkey -in key.pem -pubout` writes one")
    })?;
    Ok(trusted(key.as_bytes()))
}

/// The name of a raw public key.
pub(super) fn key_id(public_key: &[u8]) -> String {
    Digest::of(public_key).hex().to_owned()
}
