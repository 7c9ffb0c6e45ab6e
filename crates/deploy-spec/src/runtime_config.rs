//! What a data plane serves from: the projection of an environment.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::deployment::{DeploymentLifecycle, SessionSource};
use crate::digest::Digest;
use crate::fault::Fault;
use crate::host_config::HostConfig;
use crate::lifecycle::Lifecycle;
use crate::reference::SecretRef;
use crate::revision::{Pinned, PinnedPack};
use crate::route::{RouteBinding, RouteKey};
use crate::shadow::Shadow;
use crate::slug::{BundleId, CustomerId, EnvironmentId, RevisionTag, TenantId};
use crate::split::Allocation;
use crate::ulid_id::{DeploymentId, RevisionId};

crate::schema_tag!(
    /// `greentic.runtime-config.v1`
    RuntimeConfigSchema = "greentic.runtime-config.v1"
);

/// `runtime-config.json`: all that a data plane needs, with no store beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuntimeConfig {
    /// Which document this is.
    pub schema: RuntimeConfigSchema,
    /// Whose projection.
    pub environment_id: EnvironmentId,
    /// The commit sequence of the store that it shows.
    pub generation: u64,
    /// What the data plane tells the world.
    #[serde(default)]
    pub host_config: HostConfig,
    /// The deployments, by id.
    pub deployments: Vec<RuntimeDeployment>,
}

/// One deployment as the data plane sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuntimeDeployment {
    /// Its id.
    pub deployment_id: DeploymentId,
    /// Its bundle.
    pub bundle_id: BundleId,
    /// Who it is run for.
    pub customer_id: CustomerId,
    /// The tenant it answers; none means any.
    pub tenant: Option<TenantId>,
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
    /// Who serves how much; none while it is off the air.
    pub split: Option<RuntimeSplit>,
    /// The revisions that may be asked for: those that are ready or draining.
    pub revisions: Vec<RuntimeRevision>,
}

/// A split as the data plane sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RuntimeSplit {
    /// The generation of the split.
    pub generation: u64,
    /// The shares, the slots and the salt.
    #[serde(flatten)]
    pub allocation: Allocation,
}

impl<'de> Deserialize<'de> for RuntimeSplit {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        // `flatten` and `deny_unknown_fields` exclude each other, so the fields are taken apart here.
        let mut map = Map::<String, Value>::deserialize(d)?;
        let generation = map.remove("generation").and_then(|g| g.as_u64());
        let generation =
            generation.ok_or_else(|| serde::de::Error::custom("a split has a generation"))?;
        let allocation =
            serde_json::from_value(Value::Object(map)).map_err(serde::de::Error::custom)?;
        Ok(Self { generation, allocation })
    }
}

/// A revision as the data plane sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuntimeRevision {
    /// Its id.
    pub revision_id: RevisionId,
    /// What `r1` means.
    pub sequence: u64,
    /// What its bundle is pinned to.
    pub bundle_digest: Digest,
    /// The bundle's file, relative to the environment's directory.
    pub artifact: String,
    /// Its packs.
    pub pack_list: Vec<PinnedPack>,
    /// Its configuration; never a secret.
    pub config: Map<String, Value>,
    /// The secrets it reads, by reference.
    pub secret_refs: Vec<SecretRef>,
    /// What its gate was green with: the engine, and the version of each secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Pinned>,
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// How long streams may live on once it drains, in seconds.
    pub drain_seconds: u32,
}

/// Where the bundle with this digest lies, relative to the environment's directory.
#[must_use]
pub fn artifact_path(digest: &Digest) -> String {
    format!("artifacts/sha256/{}", digest.hex())
}

impl RuntimeConfig {
    /// The rules between the parts of the document. That artifacts lie inside the environment's
    /// directory once links are resolved is checked where files are opened.
    ///
    /// # Errors
    /// `invalid-input`, naming the field by JSON pointer.
    pub fn check(&self) -> Result<(), Fault> {
        let mut ids = BTreeSet::new();
        let mut claims: BTreeMap<RouteKey, DeploymentId> = BTreeMap::new();
        for (i, deployment) in self.deployments.iter().enumerate() {
            let at = format!("/deployments/{i}");
            let id = deployment.deployment_id;
            if !ids.insert(id) {
                return Err(Fault::invalid(format!("deployment {id} is there twice")).at(at));
            }
            deployment.check(&at)?;
            for claim in deployment.route_binding.claims() {
                if let Some(other) = claims.insert(claim.clone(), id) {
                    let both = format!("deployments {other} and {id} both answer `{claim}`");
                    return Err(Fault::invalid(both).at(format!("{at}/route_binding")));
                }
            }
        }
        Ok(())
    }
}

impl RuntimeDeployment {
    fn check(&self, at: &str) -> Result<(), Fault> {
        self.session.check().map_err(|why| Fault::invalid(why).at(format!("{at}/session")))?;
        let selected = self.route_binding.tenant_selector.as_ref().map(|selector| &selector.tenant);
        if selected != self.tenant.as_ref() {
            let why = "the tenant is not the one that the route selects";
            return Err(Fault::invalid(why).at(format!("{at}/tenant")));
        }
        let mut ready = BTreeMap::new();
        for (i, revision) in self.revisions.iter().enumerate() {
            let is_ready = revision.lifecycle == Lifecycle::Ready;
            if ready.insert(revision.revision_id, is_ready).is_some() {
                let twice = format!("revision {} is there twice", revision.revision_id);
                return Err(Fault::invalid(twice).at(format!("{at}/revisions/{i}/revision_id")));
            }
            if !plain_relative(&revision.artifact) {
                let outside = format!(
                    "artifact {} leaves the environment's directory",
                    crate::text::shown(&revision.artifact)
                );
                return Err(Fault::invalid(outside).at(format!("{at}/revisions/{i}/artifact")));
            }
        }
        let Some(split) = &self.split else { return Ok(()) };
        match split.allocation.entries.live().find(|id| ready.get(id) != Some(&true)) {
            Some(id) => {
                Err(Fault::invalid(format!("revision {id} takes traffic and is not ready"))
                    .at(format!("{at}/split/entries")))
            }
            None => Ok(()),
        }
    }
}

fn plain_relative(path: &str) -> bool {
    !path.contains(['\\', '\0']) && path.split('/').all(|p| !p.is_empty() && p != "." && p != "..")
}

#[cfg(test)]
mod tests;
