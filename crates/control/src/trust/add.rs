//! `trust add`: accepts the signatures of a key, or changes from when and until when.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deploy_spec::{Digest, Fault, Timestamp, TrustedKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{TrustOutcome, change};
use crate::draft::Draft;
use crate::mechanism::Verb;

/// `trust add`.
pub struct Add;

/// The answers of `trust add`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddAnswers {
    /// The raw ed25519 public key (RFC 8032), 32 bytes in base64.
    pub public_key: String,
    /// Its signatures do not count before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Its signatures do not count from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
}

/// How many keys an environment knows at most, those that were revoked included.
const KEYS_MAX: usize = 64;

impl Verb for Add {
    const NOUN: &'static str = "trust";
    const OP: &'static str = "add";
    type Answers = AddAnswers;
    type Facts = ();
    type Outcome = TrustOutcome;

    fn rule(answers: &AddAnswers, (): &(), draft: &mut Draft<'_>) -> Result<TrustOutcome, Fault> {
        let key = key(answers)?;
        change(draft, |environment, _| {
            let id = &key.key_id;
            let known = environment.trust_root.iter().position(|known| known.key_id == *id);
            match known {
                Some(i) if environment.trust_root[i].revoked_at.is_some() => {
                    return Err(Fault::refused(format!("key {id} was revoked, and stays so"))
                        .hint("sign with a new key"));
                }
                Some(i) => environment.trust_root[i] = key,
                None if environment.trust_root.len() >= KEYS_MAX => {
                    let why = format!("an environment knows at most {KEYS_MAX} keys");
                    return Err(Fault::refused(why));
                }
                None => environment.trust_root.push(key),
            }
            Ok(())
        })
    }
}

fn key(answers: &AddAnswers) -> Result<TrustedKey, Fault> {
    let raw = STANDARD.decode(&answers.public_key).ok().filter(|raw| raw.len() == 32);
    let raw = raw.ok_or_else(|| {
        Fault::invalid("a public key is 32 bytes in base64")
            .at("/public_key")
            .hint("gtc op trust add --key FILE reads one out of PEM")
    })?;
    if let (Some(from), Some(until)) = (answers.not_before, answers.not_after)
        && until <= from
    {
        return Err(Fault::invalid("a key ends after it begins").at("/not_after"));
    }
    Ok(TrustedKey {
        key_id: Digest::of(&raw).hex().to_owned(),
        public_key: answers.public_key.clone(),
        not_before: answers.not_before,
        not_after: answers.not_after,
        revoked_at: None,
    })
}
