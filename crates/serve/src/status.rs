//! What the data plane says about itself.

use std::net::SocketAddr;
use std::path::PathBuf;

use deploy_spec::{DeploymentId, EnvironmentId, Fault, Lifecycle, RevisionId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::plane::Plane;
use crate::shadow::ShadowStatus;

/// The result of `GET /status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Whose data plane.
    pub environment_id: EnvironmentId,
    /// Where it answers.
    pub addresses: Vec<SocketAddr>,
    /// When the certificate ends that the admin API shows by TLS; absent where it shows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_certificate_ends: Option<Timestamp>,
    /// The certificates that it shows over TLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateStatus>,
    /// The newest commit that is served.
    pub sequence: u64,
    /// Why the newest state is not served; null when it is.
    pub problem: Option<Fault>,
    /// What is served, by id.
    pub deployments: Vec<DeploymentStatus>,
}

/// One certificate that is shown over TLS, or will be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CertificateStatus {
    /// The name it is for, or the first of them.
    pub name: String,
    /// The file of its chain; absent where it comes from an authority (ACME).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// When it ends; null while there is none.
    pub ends: Option<Timestamp>,
    /// Why there is no newer one; absent when the last try went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Fault>,
    /// When the next try is; absent where there is no problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Timestamp>,
}

/// One deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeploymentStatus {
    /// Its id.
    pub deployment_id: DeploymentId,
    /// The generation of the split that is served; null while it is off the air.
    pub split_generation: Option<u64>,
    /// Its revisions.
    pub revisions: Vec<RevisionStatus>,
}

/// One revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevisionStatus {
    /// Its id.
    pub revision_id: RevisionId,
    /// What `r1` means.
    pub sequence: u64,
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// Whether it is loaded.
    pub loaded: bool,
    /// How many requests it answered since this process began.
    pub requests: u64,
    /// How many of them with a status of 500 or more.
    pub errors: u64,
    /// How many it is answering.
    pub in_flight: u64,
    /// What it did as a shadow; absent where it was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowStatus>,
}

impl Plane {
    /// What the data plane serves now.
    #[must_use]
    pub fn status(&self) -> Status {
        let (sequence, problem) = self.progress();
        let table = self.table();
        let mut deployments: Vec<DeploymentStatus> = table
            .deployments()
            .map(|deployment| DeploymentStatus {
                deployment_id: deployment.id(),
                split_generation: deployment.split_generation(),
                revisions: deployment.revisions().iter().map(revision).collect(),
            })
            .collect();
        deployments.sort_by_key(|deployment| deployment.deployment_id);
        Status {
            environment_id: self.environment_id().clone(),
            addresses: self.addresses(),
            admin_certificate_ends: self.admin_certificate_ends(),
            certificates: self.certificates(),
            sequence,
            problem,
            deployments,
        }
    }
}

fn revision(live: &dispatch::Live<std::sync::Arc<crate::Backend>>) -> RevisionStatus {
    let counts = live.backend.meters.counts();
    RevisionStatus {
        revision_id: live.revision_id,
        sequence: live.sequence,
        lifecycle: live.lifecycle,
        loaded: live.backend.is_loaded(),
        requests: counts.requests(),
        errors: counts.errors(),
        in_flight: live.backend.in_flight.count() as u64,
        shadow: live.backend.tally.status(),
    }
}
