//! What an environment's slots are bound to.
//!
//! A [`Registry`] knows the env-packs there are, with their settings, questions, tools and needs. A
//! [`Setup`] document asks the questions of a bundle or of an env-pack, and [`check_tools`] holds
//! the tools of a machine against what is needed. For the secrets slot there is the sealing of
//! `greentic.secrets.dev-store`, and the ways by which a secret may come in.
//! A value is a [`SecretBytes`] from the moment it is read: it is never shown, and wiped when it is
//! dropped. Where sealed values are kept is the caller's business, and so are environment variables
//! and the search path: what is needed of them is handed in.

mod objection;
mod registry;
mod seal;
mod secret_bytes;
mod setup;
mod source;
mod tools;

pub use objection::Objection;
pub use registry::{CredentialNeed, Handler, Registry, SHARED_DEADLINE_MS, SHARED_SESSIONS};
pub use seal::{Nonce, Sealer};
pub use secret_bytes::{SECRET_MAX, SecretBytes};
pub use setup::{Question, QuestionKind, Settled, Setup, SetupSchema, check_answers};
pub use source::{read_file, read_stream, read_variable};
pub use tools::{
    BindingTools, Machine, Outcome, Platform, Probe, Tool, ToolNeed, ToolReport, check_tools,
};
