//! `trust revoke`: a key whose signatures do not count any more, or a bundle that nobody may stage.
//! What serves already goes on serving; `env doctor` names it.

use deploy_spec::{Digest, Fault};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{TrustOutcome, change};
use crate::draft::Draft;
use crate::mechanism::Verb;

/// `trust revoke`.
pub struct Revoke;

/// The answers of `trust revoke`: a key or a bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeAnswers {
    /// The key: its id, or the beginning of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The digest of the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_digest: Option<Digest>,
}

/// How many bundles an environment refuses by name at most.
const BUNDLES_MAX: usize = 10_000;

impl Verb for Revoke {
    const NOUN: &'static str = "trust";
    const OP: &'static str = "revoke";
    type Answers = RevokeAnswers;
    type Facts = ();
    type Outcome = TrustOutcome;

    fn rule(
        answers: &RevokeAnswers,
        (): &(),
        draft: &mut Draft<'_>,
    ) -> Result<TrustOutcome, Fault> {
        change(draft, |environment, now| match (&answers.key_id, &answers.bundle_digest) {
            (Some(prefix), None) => {
                let id = environment.environment_id.clone();
                let mut meant =
                    environment.trust_root.iter_mut().filter(|key| key.key_id.starts_with(prefix));
                match (meant.next(), meant.next()) {
                    (Some(key), None) if !prefix.is_empty() => {
                        key.revoked_at = key.revoked_at.or(Some(now));
                        Ok(())
                    }
                    (None, _) => Err(Fault::not_found(format!("`{id}` trusts no such key"))
                        .hint(format!("gtc op trust list {id}"))),
                    _ => Err(Fault::invalid("that could be any of several keys")
                        .at("/key_id")
                        .hint(format!("gtc op trust list {id}"))),
                }
            }
            (None, Some(digest)) => {
                let revoked = &mut environment.revoked_bundles;
                if revoked.contains(digest) {
                    return Ok(());
                }
                if revoked.len() >= BUNDLES_MAX {
                    let why = format!("at most {BUNDLES_MAX} bundles are refused by name");
                    return Err(Fault::refused(why).hint("gtc op trust revoke --key KEY_ID"));
                }
                revoked.push(digest.clone());
                Ok(())
            }
            _ => Err(Fault::invalid("give a key or a bundle, one of the two").at("")),
        })
    }
}
