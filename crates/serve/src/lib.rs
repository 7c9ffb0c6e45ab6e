//! The data plane of an environment: takes bundles in, proves revisions, follows the store and
//! answers requests.
//!
//! Decisions are made in `control` and `dispatch`; this crate has the side effects between them:
//! a clock, random bits, files, sockets.

mod access;
pub mod admin;
pub mod ambient;
mod answer;
mod backend;
mod bundle_config;
pub mod client;
mod contents;
mod drain;
pub mod env_packs;
mod follow;
mod forward;
pub mod gate;
mod in_flight;
mod keys;
mod log_files;
mod plane;
mod run_folder;
mod secrets;
mod service;
pub mod staging;
mod status;
mod vouching;
mod warm;

pub use access::{explain, permit};
pub use backend::Backend;
pub use bundle_config::BundleConfig;
pub use contents::contents;
pub use follow::{follow_document, follow_store, read_document};
pub use in_flight::Answer;
pub use keys::{cookie_keys, ephemeral_cookie_keys, own_signing_key};
pub use log_files::{LogFiles, LogLine, LogReader};
pub use plane::Plane;
pub use run_folder::{RunFolder, admin_socket, is_served};
pub use secrets::{DevStore, holds_value};
pub use service::Front;
pub use status::{DeploymentStatus, RevisionStatus, Status};
pub use warm::warm;
