//! This environment's own keys: private files, made when first needed.

use bundle::sign::SigningKey;
use deploy_spec::{Digest, Fault, schema_tag};
use dispatch::CookieKeys;
use serde::{Deserialize, Serialize};
use store::EnvironmentStore;

use crate::ambient::random;

schema_tag!(
    /// `greentic.cookie-keys.v1`
    CookieKeysSchema = "greentic.cookie-keys.v1"
);

/// `secrets/cookie-keys.json`: the keys that sign session cookies, newest first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CookieKeyFile {
    schema: CookieKeysSchema,
    keys: Vec<CookieKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CookieKey {
    key: Key32,
}

impl std::fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CookieKey")
    }
}

/// 32 bytes; the type of digests already knows how to write them as hex.
type Key32 = Digest;

fn bytes_of(key: &Key32) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(key.hex().as_bytes().chunks_exact(2)) {
        let text = std::str::from_utf8(pair).unwrap_or("0");
        *byte = u8::from_str_radix(text, 16).unwrap_or(0);
    }
    bytes
}

const COOKIE_KEYS: &str = "secrets/cookie-keys.json";

/// The keys that sign the session cookies of an environment; replicas that share its folder share
/// them, and so does the next start.
///
/// # Errors
/// `unavailable` when they cannot be read or made; `refused` when others could read them.
pub fn cookie_keys(store: &EnvironmentStore) -> Result<CookieKeys, Fault> {
    let bytes = store.private_file(COOKIE_KEYS, || {
        let keys = vec![CookieKey { key: Digest::from_hash(random()?) }];
        let file = CookieKeyFile { schema: CookieKeysSchema, keys };
        Ok(deploy_spec::document::to_line(&file))
    })?;
    read_cookie_keys(&bytes)
}

/// The same, without making a first one: none, if no data plane ever made one.
///
/// # Errors
/// As [`cookie_keys`].
pub(crate) fn known_cookie_keys(store: &EnvironmentStore) -> Result<CookieKeys, Fault> {
    if store.folder().join(COOKIE_KEYS).exists() {
        return cookie_keys(store);
    }
    Ok(CookieKeys::new(&[]))
}

fn read_cookie_keys(bytes: &[u8]) -> Result<CookieKeys, Fault> {
    let file: CookieKeyFile = deploy_spec::document::from_json(bytes).map_err(|fault| {
        Fault::unavailable(format!("`{COOKIE_KEYS}` cannot be read: {}", fault.message))
            .hint("remove it to start with a new key; sessions then begin anew")
    })?;
    let keys: Vec<[u8; 32]> = file.keys.iter().map(|key| bytes_of(&key.key)).collect();
    Ok(CookieKeys::new(&keys))
}

/// Keys that live as long as this process: for serving without a store.
///
/// # Errors
/// `unavailable` when the system has no random bits.
pub fn ephemeral_cookie_keys() -> Result<CookieKeys, Fault> {
    Ok(CookieKeys::new(&[random()?]))
}

/// The key with which this machine signs what it deploys to `local`.
///
/// # Errors
/// As [`cookie_keys`].
pub fn own_signing_key(store: &EnvironmentStore) -> Result<SigningKey, Fault> {
    let path = "secrets/signing-key.pem";
    let pem =
        store.private_file(path, || Ok(SigningKey::create()?.to_pkcs8_pem()?.into_bytes()))?;
    let text = std::str::from_utf8(&pem)
        .map_err(|_| Fault::unavailable(format!("`{path}` is not a PEM file")))?;
    SigningKey::from_pkcs8_pem(text)
}
