//! What an environment's slots are bound to.
//!
//! So far: the sealing of `greentic.secrets.dev-store`, and the ways by which a secret may come in.
//! A value is a [`SecretBytes`] from the moment it is read: it is never shown, and wiped when it is
//! dropped. Where sealed values are kept is the caller's business.

mod seal;
mod secret_bytes;
mod source;

pub use seal::{Nonce, Sealer};
pub use secret_bytes::{SECRET_MAX, SecretBytes};
pub use source::{read_file, read_stream, read_variable};
