//! The verbs: what a command changes, or why it may not.
//!
//! [`decide`] takes what is (a [`View`]), what is asked (a [`Call`]) and the circumstances (a
//! [`Context`]: the time, who asks, fresh random bits) and gives a [`Decision`] or a
//! [`Rejection`]. One verb is one file. Compare-and-swap, idempotency and audit are in the
//! mechanism, not in the verbs. Nothing here reads a file, a clock or a random number.

mod admin_api;
pub mod audit;
mod authorization;
pub mod backups;
pub mod bundles;
mod call;
mod change;
pub mod config;
pub mod credentials;
mod draft;
pub mod env;
pub mod env_packs;
mod handle;
mod mechanism;
mod memory;
mod page;
mod problem;
mod project;
mod record;
pub mod revisions;
mod roster;
pub mod secrets;
pub mod traffic;
pub mod trust;
pub mod usage;
mod verbs;
mod view;

pub use admin_api::admin_api;
pub use authorization::denied;
pub use call::Call;
pub use change::Change;
pub use draft::{Context, Draft, Fresh};
pub use handle::{Handle, resolve_deployment, resolve_revision};
pub use mechanism::{
    Decision, Rejection, Reply, Transaction, Verb, decide, document_schema, replay,
};
pub use memory::Memory;
pub use page::Page;
pub use problem::{Problem, none_of};
pub use project::{project, project_deployment};
pub use record::{Answered, BundleMember, Folder, Key, Record, RevisionHome, RouteClaim};
pub use roster::{Roster, RosterEntry, RosterPage};
pub use verbs::VERBS;
pub use view::{Lookup, View};
