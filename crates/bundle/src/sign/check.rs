//! Deciding whether somebody who is trusted vouched for exactly this bundle.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use deploy_spec::{
    Digest, Environment, Fault, KeyState, Signature as Signed, Timestamp, TrustedKey,
};
use ed25519_dalek::{Signature, VerifyingKey};

use super::key::key_id;
use super::{Envelope, PAYLOAD_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, Statement, pae};

/// Most bytes of an envelope: 1 MiB.
const ENVELOPE_MOST: usize = 1 << 20;

/// Whom to believe, and when.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// The keys whose signatures count.
    pub keys: &'a [TrustedKey],
    /// How many of them must have signed.
    pub threshold: u32,
    /// Bundles that nobody's signature helps.
    pub revoked: &'a [Digest],
    /// What time it is.
    pub now: Timestamp,
}

impl<'a> Trust<'a> {
    /// Whom an environment believes at `now`.
    #[must_use]
    pub fn of(environment: &'a Environment, now: Timestamp) -> Self {
        Self {
            keys: &environment.trust_root,
            threshold: environment.trust_threshold,
            revoked: &environment.revoked_bundles,
            now,
        }
    }
}

/// Checks that as many of the trusted keys as must be signed the bundle with this digest, and
/// names the first of them.
///
/// # Errors
/// `refused`, with `details.reason`: `revoked-bundle`, `no-signature`, `unknown-key`,
/// `not-yet-valid-key`, `expired-key`, `revoked-key`, `bad-signature`, `wrong-subject`,
/// `tampered-payload` or `too-few-signatures`; `invalid-input` when a trusted key is not a key.
pub fn verify(envelope: &[u8], digest: &Digest, trust: Trust<'_>) -> Result<Signed, Fault> {
    if trust.revoked.contains(digest) {
        return Err(no("revoked-bundle", &format!("{digest} was revoked")));
    }
    let envelope = parse(envelope)?;
    if envelope.signatures.is_empty() {
        return Err(no("no-signature", "the envelope has no signature"));
    }
    let payload = decode(&envelope.payload)
        .filter(|_| envelope.payload_type == PAYLOAD_TYPE)
        .ok_or_else(|| no("tampered-payload", "the envelope's payload is not an in-toto one"))?;
    let message = pae(&envelope.payload_type, &payload);
    let mut fault = None;
    let mut signed: Vec<&str> = Vec::new();
    for signature in &envelope.signatures {
        let Some(key) = trust.keys.iter().find(|key| key.key_id == signature.keyid) else {
            continue;
        };
        if !holds(&public_key(key)?, &message, &signature.sig) {
            fault = Some(broken(&payload, digest, &key.key_id));
            continue;
        }
        named(&payload, digest)?;
        match untimely(key, trust.now) {
            Some(objection) => fault = Some(objection),
            // One key signs once, however often its signature is there.
            None if signed.contains(&key.key_id.as_str()) => {}
            None => signed.push(&key.key_id),
        }
    }
    if let (Some(first), true) = (signed.first(), enough(signed.len(), trust.threshold)) {
        return Ok(Signed { key_id: (*first).to_owned() });
    }
    Err(match (fault, signed.len()) {
        (Some(fault), _) => fault,
        (None, 0) => {
            let ids: Vec<_> = envelope.signatures.iter().map(|s| shown(&s.keyid)).collect();
            let why = format!("it is signed by a key that is not trusted: {}", ids.join(", "));
            no("unknown-key", &why)
        }
        (None, found) => {
            let why = format!("{} trusted keys must have signed it, {found} did", trust.threshold);
            no("too-few-signatures", &why)
        }
    })
}

fn enough(found: usize, threshold: u32) -> bool {
    usize::try_from(threshold.max(1)).is_ok_and(|threshold| found >= threshold)
}

/// Why a signature that holds does not count.
fn untimely(key: &TrustedKey, now: Timestamp) -> Option<Fault> {
    let id = &key.key_id;
    let at = |at: Option<Timestamp>| at.map_or_else(String::new, |at| format!(" at {at}"));
    Some(match key.state(now) {
        KeyState::Valid => return None,
        KeyState::NotYetValid => {
            no("not-yet-valid-key", &format!("key {id} begins to count{}", at(key.not_before)))
        }
        KeyState::Expired => no("expired-key", &format!("key {id} ended{}", at(key.not_after))),
        KeyState::Revoked => {
            no("revoked-key", &format!("key {id} was revoked{}", at(key.revoked_at)))
        }
    })
}

fn no(reason: &str, why: &str) -> Fault {
    Fault::refused(format!("the signature was refused: {why}"))
        .hint("sign it with a key that the environment trusts, or fetch both again")
        .detail("reason", reason)
}

pub(super) fn parse(envelope: &[u8]) -> Result<Envelope, Fault> {
    if envelope.iter().all(u8::is_ascii_whitespace) {
        return Err(no("no-signature", "there is none"));
    }
    if envelope.len() > ENVELOPE_MOST {
        return Err(no("tampered-payload", "the envelope is larger than 1 MiB"));
    }
    serde_json::from_slice(envelope)
        .map_err(|error| no("tampered-payload", &format!("it is not a DSSE envelope: {error}")))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// The key that a trust root names, which must be the key that it holds.
fn public_key(key: &TrustedKey) -> Result<VerifyingKey, Fault> {
    let raw = STANDARD.decode(&key.public_key).ok().and_then(|raw| <[u8; 32]>::try_from(raw).ok());
    let raw = raw.filter(|raw| key_id(raw) == key.key_id);
    raw.and_then(|raw| VerifyingKey::from_bytes(&raw).ok()).ok_or_else(|| {
        Fault::invalid(format!("the trusted key `{}` is not an ed25519 key", shown(&key.key_id)))
            .hint("public_key is 32 bytes in base64, and key_id their SHA-256 in hex")
    })
}

fn holds(key: &VerifyingKey, message: &[u8], signature: &str) -> bool {
    let raw = decode(signature).and_then(|raw| <[u8; 64]>::try_from(raw).ok());
    raw.is_some_and(|raw| key.verify_strict(message, &Signature::from_bytes(&raw)).is_ok())
}

/// The digests that a payload vouches for; `None` when it is not a statement about a bundle.
fn subjects(payload: &[u8]) -> Option<Vec<String>> {
    let statement: Statement = serde_json::from_slice(payload).ok()?;
    let ours = statement.kind == STATEMENT_TYPE && statement.predicate_type == PREDICATE_TYPE;
    ours.then(|| {
        statement.subject.into_iter().filter_map(|mut s| s.digest.remove("sha256")).collect()
    })
}

fn named(payload: &[u8], digest: &Digest) -> Result<(), Fault> {
    match subjects(payload) {
        Some(found) if found.iter().any(|hex| hex == digest.hex()) => Ok(()),
        Some(found) => {
            let found = found.iter().map(|hex| shown(hex)).collect::<Vec<_>>().join(", ");
            let why = format!("it vouches for sha256:{found}, and this is {digest}");
            Err(no("wrong-subject", &why))
        }
        None => Err(no("wrong-subject", "it vouches for something that is not a bundle")),
    }
}

/// Words a signature that does not hold. When the payload still says what a signer of this bundle
/// would have said, it is the signature that is wrong; otherwise the payload was changed.
fn broken(payload: &[u8], digest: &Digest, key_id: &str) -> Fault {
    if named(payload, digest).is_ok() {
        let why = format!("the signature is not one that key {key_id} made of this payload");
        no("bad-signature", &why)
    } else {
        let why = format!("the payload was changed after key {key_id} signed it");
        no("tampered-payload", &why)
    }
}

fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
