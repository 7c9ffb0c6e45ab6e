//! A bundle's place in an environment: who it is for and where it answers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::reference::PolicyRef;
use crate::route::RouteBinding;
use crate::shadow::Shadow;
use crate::slug::{BundleId, CustomerId, EnvironmentId, RevisionTag};
use crate::split::TrafficSplit;
use crate::ulid_id::{DeploymentId, RevisionId};

/// How many tags a deployment has at most.
pub const TAGS_MAX: usize = 32;

crate::schema_tag!(
    /// `greentic.deployment.v1`
    DeploymentSchema = "greentic.deployment.v1"
);

/// Whether a deployment serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentLifecycle {
    /// It serves.
    Active,
    /// It answers 503 and keeps everything it has.
    Paused,
    /// It was removed; what is left of it is for the record.
    Retired,
}

/// Where the identity of a session comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionSource {
    /// Our own signed cookie.
    #[default]
    Cookie,
    /// A header that the application's clients already send.
    Header(String),
    /// Nothing: every request draws anew.
    None,
}

impl SessionSource {
    /// The proof that a header source names a header (RFC 9110 §5.1 token).
    ///
    /// # Errors
    /// A sentence naming the header.
    pub fn check(&self) -> Result<(), String> {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        match self {
            Self::Header(name)
                if name.is_empty() || name.len() > 64 || !name.bytes().all(token) =>
            {
                Err(format!("{} is not a header name", crate::text::shown(name)))
            }
            _ => Ok(()),
        }
    }
}

/// A bundle's place in an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleDeployment {
    /// Its id.
    pub deployment_id: DeploymentId,
    /// Where it is.
    pub environment_id: EnvironmentId,
    /// Which bundle its revisions are versions of.
    pub bundle_id: BundleId,
    /// Who it is run for.
    pub customer_id: CustomerId,
    /// Whether it serves.
    pub lifecycle: DeploymentLifecycle,
    /// Where it answers.
    pub route_binding: RouteBinding,
    /// Where the identity of a session comes from.
    #[serde(default)]
    pub session: SessionSource,
    /// What people call its revisions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<RevisionTag, RevisionId>,
    /// Which revision answers some requests only to be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
    /// Non-secret values that override the bundle's defaults.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub config_overrides: Map<String, Value>,
    /// How its usage is billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue_policy_ref: Option<PolicyRef>,
    /// The sequence of its newest revision; 0 when it has none.
    pub last_sequence: u64,
    /// Counts the changes of this deployment, its split apart.
    pub generation: u64,
    /// When it was made.
    pub created_at: jiff::Timestamp,
    /// When it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_at: Option<jiff::Timestamp>,
}

/// A deployment and its split: the record `deployments/<deployment_id>.json`, and once it is removed
/// `retired/<deployment_id>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeploymentRecord {
    /// Which document this is.
    pub schema: DeploymentSchema,
    /// The deployment.
    pub deployment: BundleDeployment,
    /// Its split; none until traffic is first set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<TrafficSplit>,
}
