//! The nouns of Greentic and the laws they obey, as types that cannot be wrong.
//!
//! Nothing here reads a file, a clock or a random number: text goes in, a proof comes out.
//! What depends on more than one document at a time is decided in `control`.

pub mod digest;
pub mod document;
pub mod fault;
pub mod manifest;
pub mod route;
pub mod slug;
mod text;

pub use digest::Digest;
pub use fault::{Fault, Kind};
pub use manifest::{BundleManifest, Health, InnerPath, Limits, Pack, PackKind, SecretNeed};
pub use route::{Host, PathPrefix, RouteAnswers, RouteBinding, RouteKey, TenantSelector};
pub use slug::{BundleId, CustomerId, EnvironmentId, PackId, TeamId, TenantId};
