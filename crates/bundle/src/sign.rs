//! Who vouches for a bundle: an in-toto Statement v1 in a DSSE envelope, signed with ed25519.
//!
//! Formats: <https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md> and
//! <https://github.com/secure-systems-lab/dsse/blob/master/protocol.md>.

mod check;
mod key;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deploy_spec::{Digest, Fault};
use serde::{Deserialize, Serialize};

pub use check::{Trust, verify};
/// Which key vouched for a bundle.
pub use deploy_spec::Signature as Signed;
pub use deploy_spec::TrustedKey;
pub use key::{SigningKey, public_key_from_pem};

/// What the payload of an envelope is.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// What a statement is.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// What a statement says about its subject: that it is a bundle somebody vouches for.
pub const PREDICATE_TYPE: &str = "https://greentic.ai/attestations/bundle/v1";

/// A DSSE envelope. Fields it does not know are ignored, as DSSE asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// What the payload is: [`PAYLOAD_TYPE`].
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// The statement, in base64.
    pub payload: String,
    /// At least one.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeSignature {
    /// Which key, as a hint: SHA-256 of the raw public key, in hex.
    #[serde(default)]
    pub keyid: String,
    /// The signature over the pre-authentication encoding, in base64.
    pub sig: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(default)]
    predicate: serde_json::Value,
}

#[derive(Debug, Serialize, Deserialize)]
struct Subject {
    name: String,
    digest: std::collections::BTreeMap<String, String>,
}

/// Vouches for the bundle `name` with the digest `digest`.
///
/// # Errors
/// `internal` only.
pub fn sign(key: &SigningKey, name: &str, digest: &Digest) -> Result<Envelope, Fault> {
    let subject = Subject {
        name: name.to_owned(),
        digest: [("sha256".to_owned(), digest.hex().to_owned())].into(),
    };
    let statement = Statement {
        kind: STATEMENT_TYPE.to_owned(),
        subject: vec![subject],
        predicate_type: PREDICATE_TYPE.to_owned(),
        predicate: serde_json::json!({}),
    };
    let payload = serde_json::to_vec(&statement)
        .map_err(|error| Fault::internal(format!("cannot write a statement: {error}")))?;
    let signature = key.sign(&pae(PAYLOAD_TYPE, &payload));
    Ok(Envelope {
        payload_type: PAYLOAD_TYPE.to_owned(),
        payload: STANDARD.encode(&payload),
        signatures: vec![EnvelopeSignature {
            keyid: key.key_id(),
            sig: STANDARD.encode(signature),
        }],
    })
}

/// Adds the signature of another key to an envelope about the same bundle.
///
/// # Errors
/// `refused` when the envelope is about another bundle, or no envelope.
pub fn countersign(
    key: &SigningKey,
    envelope: &[u8],
    name: &str,
    digest: &Digest,
) -> Result<Envelope, Fault> {
    let mut envelope: Envelope = check::parse(envelope)?;
    let own = sign(key, name, digest)?;
    if envelope.payload != own.payload {
        return Err(Fault::refused("the signature that is there is of another bundle")
            .hint("remove it first, or sign the bundle that it is of"));
    }
    envelope.signatures.retain(|signature| signature.keyid != key.key_id());
    envelope.signatures.extend(own.signatures);
    Ok(envelope)
}

/// What is signed: the pre-authentication encoding of the DSSE protocol, version 1.
fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests;
