//! Where bundles, packs and catalogs come from: files, OCI registries, the provider catalog's cache.
//!
//! A [`Reference`] says where something is.

mod reference;
mod text;

pub use reference::{Bases, HostPort, OciReference, Reference};
