//! What an environment's slots are bound to.
//!
//! A [`Registry`] knows the env-packs there are. For the secrets slot there is the sealing of
//! `greentic.secrets.dev-store`, and the ways by which a secret may come in.
//! A value is a [`SecretBytes`] from the moment it is read: it is never shown, and wiped when it is
//! dropped. Where sealed values are kept is the caller's business.

mod registry;
mod seal;
mod secret_bytes;
mod source;

pub use registry::{Handler, Objection, Registry};
pub use seal::{Nonce, Sealer};
pub use secret_bytes::{SECRET_MAX, SecretBytes};
pub use source::{read_file, read_stream, read_variable};
