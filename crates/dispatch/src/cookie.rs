//! The cookie in which a session travels.
//!
//! Sealed for the environment, the tenant and the deployment, which do not travel; the payload is
//! version (1 byte), session (16), revision (16), split generation (8) and expiry in seconds since
//! 1970 (4), all big-endian.

use deploy_spec::{DeploymentId, EnvironmentId, RevisionId, TenantId};

use crate::pin::Pin;
use crate::seal::{CookieKeys, MAC};
use crate::session::SessionId;

/// How long a cookie is believed, in seconds; it is renewed when half of it is over.
pub const LIFETIME_S: u64 = 24 * 60 * 60;

const VERSION: u8 = 1;
const PAYLOAD: usize = 1 + 16 + 16 + 8 + 4;

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

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.text
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
    pub(crate) const fn pin(&self) -> Pin {
        Pin { revision: self.revision, generation: self.generation }
    }

    /// The text of the cookie; none when there is no key to sign it.
    #[must_use]
    pub fn sign(&self, keys: &CookieKeys, scope: &Scope) -> Option<String> {
        keys.seal(&self.payload(), scope)
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
        let bytes = keys.open::<{ PAYLOAD + MAC }>(text, scope)?;
        let sticky = Self::read(&bytes[..PAYLOAD]).ok_or(BadCookie::Malformed)?;
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

/// The values of every cookie of this name in a `Cookie` header (RFC 6265 §5.4).
pub fn cookies<'a>(header: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let mut rest = Some(header);
    let mut pairs = std::iter::from_fn(move || {
        let all = rest?;
        let end = memchr::memchr(b';', all.as_bytes());
        rest = end.map(|end| &all[end + 1..]);
        Some(&all[..end.unwrap_or(all.len())])
    });
    std::iter::from_fn(move || {
        pairs.find_map(|pair| pair.trim_ascii().strip_prefix(name)?.strip_prefix('='))
    })
}
