//! The keys that sign session cookies, and their rotation.
//!
//! Replicas share the file and look at it once a minute. A new key is believed by all of them before
//! one signs by it, and an old one for as long as its cookies last, so that nobody loses a session.

use std::sync::{Arc, Weak};
use std::time::Duration;

use deploy_spec::{Digest, Fault, Timestamp, document, schema_tag};
use dispatch::{CookieKeys, LIFETIME_S};
use serde::{Deserialize, Serialize};
use store::EnvironmentStore;

use crate::ambient::{now_s, random};
use crate::plane::Plane;

const COOKIE_KEYS: &str = "secrets/cookie-keys.json";

/// How old a key is when the next one is made.
const ROTATE_AFTER_S: u64 = 30 * 24 * 60 * 60;
/// How old a key is when it begins to sign: ten times what a replica needs to hear of it.
const SIGNS_AFTER_S: u64 = 10 * 60;
/// How much longer than its last cookie a key is kept: clocks differ.
const MARGIN_S: u64 = 60 * 60;
/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(60);

schema_tag!(
    /// `greentic.cookie-keys.v1`
    CookieKeysSchema = "greentic.cookie-keys.v1"
);

/// `secrets/cookie-keys.json`: the keys that sign session cookies, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CookieKeyFile {
    schema: CookieKeysSchema,
    keys: Vec<CookieKey>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CookieKey {
    key: Key32,
    /// When it was made; long ago, if that is not known.
    #[serde(default)]
    made_at: Timestamp,
}

impl std::fmt::Debug for CookieKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CookieKey")
    }
}

/// 32 bytes; the type of digests already knows how to write them as hex.
type Key32 = Digest;

impl CookieKey {
    fn new(bytes: [u8; 32], now_s: u64) -> Self {
        let made_at = i64::try_from(now_s).ok().and_then(|now| Timestamp::from_second(now).ok());
        Self { key: Digest::from_hash(bytes), made_at: made_at.unwrap_or_default() }
    }

    fn bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(self.key.hex().as_bytes().chunks_exact(2)) {
            let text = std::str::from_utf8(pair).unwrap_or("0");
            *byte = u8::from_str_radix(text, 16).unwrap_or(0);
        }
        bytes
    }

    fn made_s(&self) -> u64 {
        u64::try_from(self.made_at.as_second()).unwrap_or(0)
    }
}

impl CookieKeyFile {
    fn first(key: [u8; 32], now_s: u64) -> Self {
        Self { schema: CookieKeysSchema, keys: vec![CookieKey::new(key, now_s)] }
    }

    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        document::from_json(bytes).map_err(|fault| {
            Fault::unavailable(format!("`{COOKIE_KEYS}` cannot be read: {}", fault.message))
                .hint("remove it to start with a new key; sessions then begin anew")
        })
    }

    /// The file of one more key, if it is time for one, without those that nobody needs any more.
    fn rotated(&self, fresh: [u8; 32], now_s: u64) -> Option<Self> {
        let newest = self.keys.first()?;
        if now_s < newest.made_s() + ROTATE_AFTER_S {
            return None;
        }
        let mut keys = vec![CookieKey::new(fresh, now_s)];
        // A key is needed until the one after it has signed for as long as a cookie lasts.
        let successors = keys.clone().into_iter().chain(self.keys.clone());
        let needed = self
            .keys
            .iter()
            .zip(successors)
            .filter(|(_, next)| now_s < next.made_s() + SIGNS_AFTER_S + LIFETIME_S + MARGIN_S);
        keys.extend(needed.map(|(key, _)| key.clone()));
        Some(Self { schema: CookieKeysSchema, keys })
    }

    /// The key that signs first, and all that are believed.
    fn in_use(&self, now_s: u64) -> CookieKeys {
        let signs = |key: &CookieKey| key.made_s() + SIGNS_AFTER_S <= now_s;
        let signer = self.keys.iter().position(signs).unwrap_or(self.keys.len().saturating_sub(1));
        let mut keys: Vec<[u8; 32]> = self.keys.iter().map(CookieKey::bytes).collect();
        // All but the one in front are equal.
        if signer < keys.len() {
            keys.swap(0, signer);
        }
        CookieKeys::new(&keys)
    }
}

/// The keys that sign the session cookies of an environment; replicas that share its folder share
/// them, and so does the next start. A new one is made when it is time.
///
/// # Errors
/// `unavailable` when they cannot be read or made; `refused` when others could read them.
pub fn cookie_keys(store: &EnvironmentStore) -> Result<CookieKeys, Fault> {
    let file = CookieKeyFile::read(&kept(store)?)?;
    if let Some(rotated) = file.rotated(random()?, now_s()) {
        match store.replace_private_file(COOKIE_KEYS, &document::to_line(&rotated)) {
            Ok(()) => tracing::info!("a new key for session cookies was made"),
            // The next look makes it.
            Err(fault) => tracing::warn!(%fault, "a new key for session cookies cannot be kept"),
        }
    }
    // Read again: another replica may have made one at the same time, and one of the two counts.
    present_cookie_keys(store)
}

/// The same, as they are now; a first one is made, and no other.
///
/// # Errors
/// As [`cookie_keys`].
pub(crate) fn present_cookie_keys(store: &EnvironmentStore) -> Result<CookieKeys, Fault> {
    Ok(CookieKeyFile::read(&kept(store)?)?.in_use(now_s()))
}

fn kept(store: &EnvironmentStore) -> Result<Vec<u8>, Fault> {
    store.private_file(COOKIE_KEYS, || {
        Ok(document::to_line(&CookieKeyFile::first(random()?, now_s())))
    })
}

/// The same, without making one: none, if no data plane ever made one.
///
/// # Errors
/// As [`cookie_keys`].
pub(crate) fn known_cookie_keys(store: &EnvironmentStore) -> Result<CookieKeys, Fault> {
    if store.folder().join(COOKIE_KEYS).exists() {
        return present_cookie_keys(store);
    }
    Ok(CookieKeys::new(&[]))
}

/// Keys that live as long as this process: for serving without a store.
///
/// # Errors
/// `unavailable` when the system has no random bits.
pub fn ephemeral_cookie_keys() -> Result<CookieKeys, Fault> {
    Ok(CookieKeys::new(&[random()?]))
}

/// Has the plane use the keys of the file from now on, whatever becomes of them, until it is gone.
///
/// # Errors
/// `unavailable` when the system gives no thread.
pub(crate) fn look_after(plane: &Arc<Plane>, store: &EnvironmentStore) -> Result<(), Fault> {
    let (plane, store) = (Arc::downgrade(plane), store.clone());
    let look = move || {
        while plane.strong_count() > 0 {
            std::thread::park_timeout(LOOK);
            let Some(plane) = Weak::upgrade(&plane) else { return };
            match cookie_keys(&store) {
                Ok(keys) => plane.set_keys(keys),
                Err(fault) => tracing::warn!(%fault, "the last keys of session cookies are used"),
            }
        }
    };
    let spawned = std::thread::Builder::new().name("keys".into()).spawn(look);
    spawned.map(drop).map_err(|error| Fault::unavailable(format!("no thread for keys: {error}")))
}

#[cfg(test)]
mod tests {
    use deploy_spec::{DeploymentId, EnvironmentId, RevisionId};
    use dispatch::{Scope, SessionId, Sticky};

    use super::*;

    const START: u64 = 1_800_000_000;

    fn scope() -> Scope {
        let environment: EnvironmentId = "local".parse().unwrap();
        Scope::new(&environment, None, DeploymentId::from_bytes([1; 16]))
    }

    fn signed(file: &CookieKeyFile, now_s: u64) -> String {
        let sticky = Sticky {
            session: SessionId([2; 16]),
            revision: RevisionId::from_bytes([3; 16]),
            generation: 0,
            expires_s: now_s + LIFETIME_S,
        };
        sticky.sign(&file.in_use(now_s), &scope()).unwrap()
    }

    fn believes(file: &CookieKeyFile, cookie: &str, now_s: u64) -> bool {
        Sticky::verify(cookie, &file.in_use(now_s), &scope(), now_s).is_ok()
    }

    /// Two replicas, of which one hears of a new key a minute later, over four months.
    #[test]
    fn no_session_is_lost_while_keys_rotate() {
        let (mut file, mut late) = (CookieKeyFile::first([0; 32], START), None);
        let (mut cookies, mut made) = (Vec::new(), 1_u8);
        for minute in 0..4 * 31 * 24 * 60 {
            let now = START + minute * 60;
            let behind = late.replace(file.clone()).unwrap_or_else(|| file.clone());
            if let Some(rotated) = file.rotated([made; 32], now) {
                (file, made) = (rotated, made + 1);
            }
            if minute % 60 == 0 {
                cookies.push((now, signed(&behind, now)));
                cookies.push((now, signed(&file, now)));
                cookies.retain(|(at, _)| now < at + LIFETIME_S);
            }
            for (at, cookie) in cookies.iter().step_by(7) {
                assert!(believes(&file, cookie, now), "of {at} at {now}");
                assert!(believes(&behind, cookie, now), "of {at} at {now}, behind");
            }
        }
        assert_eq!(made, 5, "a key a month");
        assert!(file.keys.len() <= 2, "{} keys are kept", file.keys.len());
    }

    #[test]
    fn a_key_of_unknown_age_is_followed_by_another_at_once() {
        let text = format!(
            "{{\"schema\":\"greentic.cookie-keys.v1\",\"keys\":[{{\"key\":\"sha256:{}\"}}]}}",
            "07".repeat(32)
        );
        let file = CookieKeyFile::read(text.as_bytes()).unwrap();
        let cookie = signed(&file, START);
        let rotated = file.rotated([1; 32], START).unwrap();
        assert_eq!(rotated.keys.len(), 2);
        assert!(believes(&rotated, &cookie, START));
        assert_eq!(signed(&rotated, START), cookie, "the new key does not sign yet");
        assert_ne!(signed(&rotated, START + SIGNS_AFTER_S), cookie);
        assert_eq!(rotated.rotated([2; 32], START + 60), None);
    }
}
