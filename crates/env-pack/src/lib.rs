//! What fills the slots of an environment, and what it needs to do so.
//!
//! The registry knows the handlers, their settings, tools and credentials; a setup document asks
//! their questions; the dev-store seals secret values into files. Nothing here reads a record of
//! an environment, an environment variable or a clock: what is needed of them is handed in.

mod dev_store;
mod files;
mod problem;
mod registry;
mod secret_bytes;
mod secret_source;
mod setup;
mod tools;

pub use dev_store::{DevStore, Sealed};
pub use problem::Problem;
pub use registry::{CredentialNeed, Handler, Registry};
pub use secret_bytes::SecretBytes;
pub use secret_source::{Source, read_secret};
pub use setup::{Question, QuestionKind, Settled, Setup, SetupSchema, check_answers};
pub use tools::{Machine, Outcome, Platform, Probe, Tool, ToolNeed, check_tools};
