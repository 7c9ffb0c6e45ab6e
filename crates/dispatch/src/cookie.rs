//! The cookie in which a session travels.
//!
//! `base64url(payload || mac)`, where the payload is version (1 byte), session (16), revision
//! (16), split generation (8) and expiry in seconds since 1970 (4), all big-endian, and the mac is
//! the first 16 bytes of HMAC-SHA256 (RFC 2104 §5) over the environment, the tenant and the
//! deployment, which do not travel, and the payload.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deploy_spec::{DeploymentId, EnvironmentId, RevisionId, TenantId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::session::SessionId;

/// How long a cookie is believed, in seconds; it is renewed when half of it is over.
pub const LIFETIME_S: u64 = 24 * 60 * 60;

const VERSION: u8 = 1;
const PAYLOAD: usize = 1 + 16 + 16 + 8 + 4;
pub(crate) const MAC: usize = 16;
/// Length of the text: 61 bytes in base64 without padding.
const TEXT: usize = (PAYLOAD + MAC) * 4 / 3 + 1;

/// The keys that sign cookies. The first one signs; all are believed, so that keys can be rotated.
#[derive(Clone)]
pub struct CookieKeys(Vec<Hmac<Sha256>>);

impl CookieKeys {
    /// The keys, newest first; without any, no cookie is believed and none is given.
    #[must_use]
    pub fn new(keys: &[[u8; 32]]) -> Self {
        Self(keys.iter().filter_map(|key| Hmac::new_from_slice(key).ok()).collect())
    }

    pub(crate) fn signer(&self) -> Option<&Hmac<Sha256>> {
        self.0.first()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Hmac<Sha256>> {
        self.0.iter()
    }
}

/// For whom a cookie counts: it is worth nothing anywhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    text: Vec<u8>,
}

impl Scope {
    /// The scope of one deployment.
    #[must_use]
    pub fn new(
        environment: &EnvironmentId,
        tenant: Option<&TenantId>,
        deployment: DeploymentId,
    ) -> Self {
        let tenant = tenant.map_or("", TenantId::as_str);
        // Slugs hold no line breaks, so these three cannot be read as any other three.
        Self { text: format!("gt_rev\n{environment}\n{tenant}\n{deployment}\n").into_bytes() }
    }
}

/// What a cookie says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sticky {
    /// The session.
    pub session: SessionId,
    /// The revision that answered it last.
    pub revision: RevisionId,
    /// The generation of the split that chose it.
    pub generation: u64,
    /// Until when it is believed, in seconds since 1970.
    pub expires_s: u64,
}

/// Why a cookie is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadCookie {
    /// It is none of ours, or cut off.
    Malformed,
    /// None of our keys signed it for this environment, tenant and deployment.
    Unsigned,
    /// Its time is over.
    Expired,
}

impl Sticky {
    /// The text of the cookie; none when there is no key to sign it.
    #[must_use]
    pub fn sign(&self, keys: &CookieKeys, scope: &Scope) -> Option<String> {
        let payload = self.payload();
        let mac = mac(keys.signer()?, scope, &payload).finalize().into_bytes();
        let mut bytes = [0; PAYLOAD + MAC];
        bytes[..PAYLOAD].copy_from_slice(&payload);
        bytes[PAYLOAD..].copy_from_slice(&mac[..MAC]);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What the cookie says, if one of our keys signed it for this scope and it is not expired.
    ///
    /// # Errors
    /// Why it is not believed.
    pub fn verify(
        text: &str,
        keys: &CookieKeys,
        scope: &Scope,
        now_s: u64,
    ) -> Result<Self, BadCookie> {
        let mut bytes = [0; PAYLOAD + MAC];
        if text.len() > TEXT || URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(bytes.len()) {
            return Err(BadCookie::Malformed);
        }
        let (payload, tag) = bytes.split_at(PAYLOAD);
        let signed = |key| mac(key, scope, payload).verify_truncated_left(tag).is_ok();
        if !keys.all().any(signed) {
            return Err(BadCookie::Unsigned);
        }
        let sticky = Self::read(payload).ok_or(BadCookie::Malformed)?;
        if sticky.expires_s > now_s { Ok(sticky) } else { Err(BadCookie::Expired) }
    }

    fn payload(&self) -> [u8; PAYLOAD] {
        let mut payload = [0; PAYLOAD];
        payload[0] = VERSION;
        payload[1..17].copy_from_slice(&self.session.0);
        payload[17..33].copy_from_slice(&self.revision.to_bytes());
        payload[33..41].copy_from_slice(&self.generation.to_be_bytes());
        let expires = u32::try_from(self.expires_s).unwrap_or(u32::MAX);
        payload[41..45].copy_from_slice(&expires.to_be_bytes());
        payload
    }

    fn read(payload: &[u8]) -> Option<Self> {
        (payload[0] == VERSION).then_some(())?;
        Some(Self {
            session: SessionId(payload[1..17].try_into().ok()?),
            revision: RevisionId::from_bytes(payload[17..33].try_into().ok()?),
            generation: u64::from_be_bytes(payload[33..41].try_into().ok()?),
            expires_s: u32::from_be_bytes(payload[41..45].try_into().ok()?).into(),
        })
    }
}

pub(crate) fn mac(key: &Hmac<Sha256>, scope: &Scope, payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = key.clone();
    mac.update(&scope.text);
    mac.update(payload);
    mac
}

/// The values of every cookie of this name in a `Cookie` header (RFC 6265 §5.4).
pub(crate) fn values<'a>(header: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    header.split(';').filter_map(move |pair| {
        let (key, value) = pair.trim_matches([' ', '\t']).split_once('=')?;
        (key == name).then_some(value)
    })
}
