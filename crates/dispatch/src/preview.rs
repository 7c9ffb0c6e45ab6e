//! A preview: for a while, whoever has it reaches one revision, whatever its weight.
//!
//! Sealed as a session cookie is; the payload is version (1 byte), revision (16) and expiry in seconds
//! since 1970 (4), big-endian.

use deploy_spec::RevisionId;

use crate::cookie::{BadCookie, Scope};
use crate::seal::{CookieKeys, MAC};

/// Cookies have 1 here, so that neither can be taken for the other.
const VERSION: u8 = 2;
const PAYLOAD: usize = 1 + 16 + 4;

/// What a preview says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preview {
    /// The revision that it reaches.
    pub revision: RevisionId,
    /// Until when it does, in seconds since 1970.
    pub expires_s: u64,
}

impl Preview {
    /// The text of it; none when there is no key to sign it.
    #[must_use]
    pub fn sign(&self, keys: &CookieKeys, scope: &Scope) -> Option<String> {
        let mut payload = [0; PAYLOAD];
        payload[0] = VERSION;
        payload[1..17].copy_from_slice(&self.revision.to_bytes());
        let expires = u32::try_from(self.expires_s).unwrap_or(u32::MAX);
        payload[17..].copy_from_slice(&expires.to_be_bytes());
        keys.seal(&payload, scope)
    }

    /// What it says, if one of our keys signed it for this scope and its time is not over.
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
        let payload = &bytes[..PAYLOAD];
        let revision = payload[1..17].try_into().map(RevisionId::from_bytes);
        let expires = payload[17..].try_into().map(u32::from_be_bytes);
        let (Ok(revision), Ok(expires), VERSION) = (revision, expires, payload[0]) else {
            return Err(BadCookie::Malformed);
        };
        let preview = Self { revision, expires_s: expires.into() };
        if preview.expires_s > now_s { Ok(preview) } else { Err(BadCookie::Expired) }
    }
}

#[cfg(test)]
mod tests {
    use deploy_spec::DeploymentId;

    use super::*;
    use crate::{SessionId, Sticky};

    #[test]
    fn it_counts_where_and_while_it_was_meant_to() {
        let scope = |of: u8| {
            Scope::new(&"local".parse().unwrap(), None, DeploymentId::from_bytes([of; 16]))
        };
        let (keys, others) = (CookieKeys::new(&[[1; 32]]), CookieKeys::new(&[[2; 32]]));
        let preview = Preview { revision: RevisionId::from_bytes([9; 16]), expires_s: 100 };
        let text = preview.sign(&keys, &scope(1)).unwrap();
        let read =
            |keys: &CookieKeys, of: u8, now_s| Preview::verify(&text, keys, &scope(of), now_s);
        assert_eq!(read(&keys, 1, 99), Ok(preview));
        assert_eq!(read(&keys, 1, 100), Err(BadCookie::Expired));
        assert_eq!(read(&keys, 2, 99), Err(BadCookie::Unsigned));
        assert_eq!(read(&others, 1, 99), Err(BadCookie::Unsigned));
        let newer = CookieKeys::new(&[[2; 32], [1; 32]]);
        assert_eq!(read(&newer, 1, 99), Ok(preview));
        for at in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert!(Preview::verify(&forged, &keys, &scope(1), 99).is_err(), "{at}");
        }
        // Neither is taken for the other.
        assert!(Sticky::verify(&text, &keys, &scope(1), 99).is_err());
        let sticky = Sticky {
            session: SessionId([0; 16]),
            revision: preview.revision,
            generation: 0,
            expires_s: 100,
        };
        let cookie = sticky.sign(&keys, &scope(1)).unwrap();
        assert!(Preview::verify(&cookie, &keys, &scope(1), 99).is_err());
    }
}
