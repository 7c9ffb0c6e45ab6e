//! The data plane of an environment: takes bundles in, proves revisions, follows the store and
//! answers requests.
//!
//! Decisions are made in `control` and `dispatch`; this crate has the side effects between them:
//! a clock, random bits, files, sockets.

mod access;
#[cfg(unix)]
pub mod admin;
pub mod ambient;
mod answer;
mod backend;
mod bundle_config;
pub mod client;
mod contents;
mod drain;
pub mod env_packs;
mod explanation;
mod farewell;
mod follow;
mod forward;
pub mod gate;
mod hold;
mod in_flight;
mod keys;
mod log_files;
mod metrics;
mod plan;
mod plane;
mod preview;
mod relay;
mod run_folder;
mod says;
mod secrets;
mod service;
mod sessions;
mod shadow;
pub mod staging;
mod status;
mod trail;
mod usage;
mod vouching;
mod warm;

pub use access::{explain, permit};
pub use backend::Backend;
pub use bundle_config::BundleConfig;
pub use contents::contents;
pub use explanation::{CookieRead, Explained, Question, Share, Slot, explain_request};
pub use follow::{follow_document, follow_store, read_document};
pub use in_flight::Answer;
pub use keys::{cookie_keys, ephemeral_cookie_keys, own_signing_key};
pub use log_files::{LogFiles, LogLine, LogReader};
pub use plane::Plane;
pub use preview::{LONGEST_S as LONGEST_PREVIEW_S, MadePreview, make_preview};
pub use relay::Passing;
pub use run_folder::{RunFolder, admin_socket, is_served};
pub use secrets::{DevStore, holds_value};
pub use service::Front;
pub use shadow::{Difference, ShadowStatus};
pub use status::{CertificateStatus, DeploymentStatus, RevisionStatus, Status};
pub use usage::used_days;
pub use warm::warm;
