//! What is deployed: building, opening, verifying and signing bundles.
//!
//! A bundle is one read-only archive, SquashFS or ZIP, with `bundle.yaml` at its root. Opening one
//! is hostile ground: every rule of [`Limits`] and of [`Archive::open`] holds before an [`Archive`]
//! exists. Nothing here runs a pack or talks to a network.

mod archive;
mod build;
mod entry;
mod extract;
mod image;
mod inspect;
mod leaks;
mod limits;
mod links;
mod manifest;
mod names;
mod oci_layout;
pub mod sign;
mod squash;
mod threads;
mod tree;
mod zipped;

pub use archive::Archive;
pub use build::{Built, LeftOut, build, manifest_of};
pub use entry::{Entry, EntryKind, Format};
pub use extract::{Extraction, extract};
pub use inspect::{
    Inspection, PackSummary, Verification, digest_file, file_digest, inspect, pack_digest, verify,
};
pub use leaks::{Allowed, Finding, NotLookedInto, Place, Scan, ScanKind, scan};
pub use limits::Limits;
pub use oci_layout::ImageLayout;

#[cfg(test)]
mod tests;
