//! The nouns of Greentic and the laws they obey, as types that cannot be wrong.
//!
//! Nothing here reads a file, a clock or a random number: text goes in, a proof comes out.
//! What depends on more than one document at a time is decided in `control`.

pub mod access_log;
pub mod actor;
pub mod audit;
pub mod backup;
mod container_engine;
pub mod deployment;
pub mod descriptor;
pub mod digest;
pub mod document;
pub mod environment;
pub mod fault;
mod host_config;
pub mod key;
pub mod lifecycle;
pub mod manifest;
mod pack_ref;
pub mod reference;
pub mod revision;
pub mod route;
pub mod runtime_config;
pub mod secret;
pub mod shadow;
pub mod slots;
pub mod slug;
pub mod split;
mod text;
pub mod trust;
pub mod ulid_id;
pub mod usage;
pub mod weight;

pub use access_log::{AccessLine, Ended, Served, Why};
pub use actor::{Actor, ActorKind};
pub use audit::{AuditEvent, AuditResult, Authorization, GenerationChange, Permission};
pub use backup::Backup;
pub use container_engine::ContainerEngine;
pub use deployment::{BundleDeployment, DeploymentLifecycle, DeploymentRecord, SessionSource};
pub use descriptor::Descriptor;
pub use digest::Digest;
pub use environment::{EnvPackBinding, Environment, Slot};
pub use fault::{Fault, Kind};
pub use host_config::HostConfig;
pub use key::IdempotencyKey;
pub use lifecycle::Lifecycle;
pub use manifest::{
    BundleManifest, ContainerSettings, Health, ImageRef, InnerPath, Limits, Pack, PackKind,
    ProcessListen, ProcessProbe, ProcessSettings, Protocol, Reuse, SecretNeed, UpstreamScheme,
    UpstreamTarget, UpstreamTls, UpstreamUrl, hands_out_credentials,
};
pub use pack_ref::PackRef;
pub use reference::{CredentialsRef, PolicyRef, SecretPath, SecretRef};
pub use revision::{CheckStatus, Drained, GateCheck, Pinned, PinnedPack, PinnedSecret, Revision};
pub use route::{Host, PathPrefix, RouteAnswers, RouteBinding, RouteKey, TenantSelector};
pub use runtime_config::{RuntimeConfig, RuntimeDeployment, RuntimeRevision, RuntimeSplit};
pub use secret::{SECRET_VERSIONS_KEPT, Secret, SecretVersion};
pub use shadow::{HeaderName, Shadow};
pub use slots::{Run, Slots};
pub use slug::{BundleId, CustomerId, EnvironmentId, PackId, RevisionTag, TeamId, TenantId};
pub use split::{Allocation, Salt, SplitOp, TrafficSplit};
pub use trust::{KeyState, Signature, TrustedKey};
pub use ulid_id::{BackupId, DeploymentId, EventId, RevisionId};
pub use weight::{Bps, WHOLE, Weight, Weights};

/// The instants of every document: RFC 3339, UTC.
pub use jiff::Timestamp;
