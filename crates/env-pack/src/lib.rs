//! What fills the slots of an environment, and what it needs to do so.
//!
//! The dev-store seals secret values into files. Nothing here reads a record of an environment,
//! an environment variable or a clock: what is needed of them is handed in.

mod dev_store;
mod files;
mod secret_bytes;
mod secret_source;

pub use dev_store::{DevStore, Sealed};
pub use secret_bytes::SecretBytes;
pub use secret_source::{Source, read_secret};
