//! What we give to clients and believe when it comes back: `base64url(payload || mac)`, where the mac
//! is the first 16 bytes of HMAC-SHA256 (RFC 2104 §5) over a scope, which does not travel, and the
//! payload.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::cookie::{BadCookie, Scope};

/// Length of the mac, in bytes.
pub(crate) const MAC: usize = 16;

/// The keys that sign cookies and previews. The first one signs; all are believed, so that keys can
/// be rotated.
#[derive(Clone)]
pub struct CookieKeys(Vec<Hmac<Sha256>>);

impl CookieKeys {
    /// The keys, the one that signs first; without any, nothing is believed and nothing is given.
    #[must_use]
    pub fn new(keys: &[[u8; 32]]) -> Self {
        Self(keys.iter().filter_map(|key| Hmac::new_from_slice(key).ok()).collect())
    }

    /// The text of a payload; none when there is no key to sign it.
    pub(crate) fn seal(&self, payload: &[u8], scope: &Scope) -> Option<String> {
        let tag = mac(self.0.first()?, scope, payload).finalize().into_bytes();
        Some(URL_SAFE_NO_PAD.encode([payload, &tag[..MAC]].concat()))
    }

    /// The payload, which with the mac has `N` bytes; the mac is left behind it.
    pub(crate) fn open<const N: usize>(
        &self,
        text: &str,
        scope: &Scope,
    ) -> Result<[u8; N], BadCookie> {
        let mut bytes = [0; N];
        let is_too_long = text.len() > (N * 4).div_ceil(3);
        if is_too_long || URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(N) {
            return Err(BadCookie::Malformed);
        }
        let (payload, tag) = bytes.split_at(N - MAC);
        let signed = |key| mac(key, scope, payload).verify_truncated_left(tag).is_ok();
        if self.0.iter().any(signed) { Ok(bytes) } else { Err(BadCookie::Unsigned) }
    }
}

fn mac(key: &Hmac<Sha256>, scope: &Scope, payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = key.clone();
    mac.update(scope.bytes());
    mac.update(payload);
    mac
}
