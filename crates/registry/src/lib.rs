//! Where bundles, packs and catalogs come from: files, OCI registries, the provider catalog's cache.
//!
//! A [`Reference`] says where something is. A [`Client`] brings it from a registry into a
//! [`Folder`], and from a file into a registry. A digest is checked before a file has its name.
//! A [`Catalog`] keeps the provider catalogs of registries.
//! Nothing here reads an environment variable, and nothing decides whether a signature is good.

mod auth;
pub mod blocking;
mod catalog;
mod client;
mod disk;
mod document;
mod failure;
mod folder;
mod http;
mod options;
mod reference;
mod source;
mod text;

pub use catalog::{
    CachedCatalog, Catalog, CatalogSource, Clean, Cleaned, Freshness, ResolvedCatalog,
};
pub use client::{Artifact, Client, OnProgress, Progress, Pulled, Pushed};
pub use document::media;
pub use folder::Folder;
pub use options::{Limits, Options, PlainHttp};
pub use reference::{Bases, HostPort, OciReference, Reference};
