//! What is known of a secret: its versions, who put them and when. Values live sealed in the
//! secrets slot, and never in a document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::reference::SecretPath;
use crate::revision::PinnedSecret;

crate::schema_tag!(
    /// `greentic.secret.v1`
    SecretSchema = "greentic.secret.v1"
);

/// How many versions of one secret are kept, beside those that a revision pins.
pub const SECRET_VERSIONS_KEPT: usize = 10;

/// One value that a secret has or had; never the value itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretVersion {
    /// 1, 2, 3 … within its secret.
    pub version: u64,
    /// Where the secrets slot keeps the sealed value; means something to that slot only.
    pub value_ref: String,
    /// A keyed hash of the value: equal values have equal ones, and it gives nothing away.
    pub fingerprint: String,
    /// When it was put.
    pub put_at: jiff::Timestamp,
    /// Who put it.
    pub put_by: Actor,
}

/// A secret: the record `secrets/index/….json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Which document this is.
    pub schema: SecretSchema,
    /// Its name within its environment.
    pub path: SecretPath,
    /// Its versions, newest last: at least one, the newest [`SECRET_VERSIONS_KEPT`], and each older
    /// one that a revision pins.
    #[schemars(length(min = 1))]
    pub versions: Vec<SecretVersion>,
    /// Counts the changes of this record.
    pub generation: u64,
}

impl Secret {
    /// The version that is read; none only when the record was tampered with.
    #[must_use]
    pub fn newest(&self) -> Option<&SecretVersion> {
        self.versions.last()
    }

    /// The version that a revision pins; none when it is gone.
    #[must_use]
    pub fn pinned(&self, pin: &PinnedSecret) -> Option<&SecretVersion> {
        self.versions.iter().find(|it| it.version == pin.version && it.value_ref == pin.value_ref)
    }
}
